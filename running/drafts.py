"""What a flow document wants the flow to be, once it has been read and found good."""

from dataclasses import dataclass, field
from typing import Any

from scheduling.reading import ReadingError


class InvalidDocument(ReadingError):
    """A flow document that cannot be taken. `errors`: (path, message) of every fault, as in ("steps.1.kind", ...)."""


@dataclass
class BranchDraft:
    """A way out of a split; `id` is None until a new one is written."""

    id: int | None
    name: str
    criteria: Any
    is_everyone_else: bool
    weight: int | None
    steps: "list[StepDraft]"


@dataclass
class StepDraft:
    """A step; `id` is None until a new one is written."""

    id: int | None
    kind: str
    name: str
    settings: dict[str, Any]
    branches: list[BranchDraft] = field(default_factory=list)


@dataclass
class TriggerDraft:
    """A reason to enrol; `schedule` is None for a schedule that is not filled in yet."""

    id: int | None
    kind: str
    criteria: Any
    schedule: dict[str, Any] | None


@dataclass
class Draft:
    """A whole flow: columns of `Flow`, columns of `Outbox`, and what hangs on them."""

    flow: dict[str, Any]
    email: dict[str, Any]
    exclusion_lists: list[int]
    triggers: list[TriggerDraft]
    steps: list[StepDraft]
