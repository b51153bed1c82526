"""Who acts: a member in the browser, an API key, or Flyt itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
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

    @property
    def told(self) -> dict[str, str | int | None]:
        """How the detail of an event names them: kind (member, key or flyt), id and name."""
        kind = "member" if self.user_id else "key" if self.key_id else "flyt"
        return {"kind": kind, "id": self.user_id or self.key_id, "name": self.name}

    @classmethod
    def flyt(cls, account_id: int) -> "Actor":
        """Flyt itself: the clock, a job, a command of the operator."""
        return cls(account_id=account_id, role=Role.OWNER, name="Flyt")


_reader: ContextVar[Actor | None] = ContextVar("reader", default=None)


@contextmanager
def read_by(actor: Actor) -> Iterator[None]:
    """What is said in here is said to `actor`, as in their language: sentences name only what they may see."""
    token = _reader.set(actor)
    try:
        yield
    finally:
        _reader.reset(token)


def reader() -> Actor | None:
    """Whom things are being said to; None where that is not known, as for what is stored: then to everybody."""
    return _reader.get()
