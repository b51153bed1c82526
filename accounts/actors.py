"""Who acts: a member in the browser, an API key, or Flyt itself."""

from dataclasses import dataclass

from .rights import Right, Role, allowed


@dataclass(frozen=True)
class Actor:
    """Someone acting in one account, as history remembers them (`by=` in every verb)."""

    account_id: int
    role: str
    name: str
    user_id: int | None = None
    key_id: int | None = None

    def may(self, right: Right) -> bool:
        """True when the actor's role has `right`."""
        return allowed(self.role, right)

    @classmethod
    def flyt(cls, account_id: int) -> "Actor":
        """Flyt itself: the clock, a job, a command of the operator."""
        return cls(account_id=account_id, role=Role.OWNER, name="Flyt")
