"""The lifecycle of a flow: not_running -> running <-> paused -> not_running.

The verbs that marketers press live in running/verbs.py; these are the moves they make.
"""

from typing import Any, Final

from accounts import history
from accounts.actors import Actor

from .models import Flow, FlowStatus

MOVES: Final[history.Moves] = {
    "start": (
        frozenset({FlowStatus.NOT_RUNNING}),
        FlowStatus.RUNNING,
    ),  # triggers on, newcomers walk
    "pause": (
        frozenset({FlowStatus.RUNNING}),
        FlowStatus.PAUSED,
    ),  # everyone frozen, newcomers queue
    "resume": (
        frozenset({FlowStatus.PAUSED}),
        FlowStatus.RUNNING,
    ),  # everyone goes on from their step
    "end": (
        frozenset({FlowStatus.RUNNING, FlowStatus.PAUSED}),
        FlowStatus.NOT_RUNNING,
    ),  # whoever is inside is cancelled
}


def move(flow: Flow, verb: str, *, by: Actor, detail: dict[str, Any] | None = None) -> None:
    """Change the flow's status by a verb of `MOVES`; raises `NotAllowed` when it stands elsewhere."""
    history.move(flow, MOVES, verb, by=by, detail=detail)
