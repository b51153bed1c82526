"""The step kinds, in the order menus show them. A new kind is a module, a template, a test file and a line here."""

from .add_to_list import AddToList
from .base import StepKind
from .finish import Finish
from .random_split import RandomSplit
from .send_email import SendEmail
from .split import Split
from .update_record import UpdateRecord
from .wait import Wait
from .wait_for_event import WaitForEvent

KINDS: dict[str, StepKind] = {
    kind.kind: kind
    for kind in (
        SendEmail(),
        Wait(),
        WaitForEvent(),
        Split(),
        RandomSplit(),
        UpdateRecord(),
        AddToList(),
        Finish(),
    )
}
