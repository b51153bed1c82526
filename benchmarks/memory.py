"""Memory: the peak of a process that enrols, and of one that exports, at some rows and at ten times as many."""

import tempfile

from . import stage

# Not getrusage(): its peak begins with that of the process which started this one.
TELL = """
from pathlib import Path
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
Path({told!r}).write_text(peak.split()[1])
"""
ENROL = """
from triggers import occurrences
while occurrences.work({account}, {occurrence}):
    pass
"""
EXPORT = """
from django.http import QueryDict
from accounts.models import Account
from accounts.tenancy import account_scope
from records.exporting import lines
from web.record_table import Table
with account_scope({account}):
    account, table = Account.objects.get(pk={account}), Table.of(QueryDict("type=contact"))
found = sum(piece.count(chr(10)) for piece in lines(account, table.object_type, table.wanted, language="en"))
assert found == {people} + 1, found
"""


def measure(scale: float) -> list[dict]:
    """An account with a tenth of the people, and one with all of them."""
    people = max(100_000, int(1_000_000 * scale))
    small, large = stage.make_account(people // 10, "Small")[0], stage.make_account(people, "Large")[0]
    stage.settle()
    results = []
    for what, kilobytes in (("enrolment", _enrol), ("export", _export)):
        few, many = kilobytes(small, people // 10), kilobytes(large, people)
        results += [
            _told(f"memory: peak of an {what} of {people // 10:,}, MB", few / 1024, f"{few / 1024:.0f}", "–", None),
            _told(
                f"memory: peak of an {what} of ten times as many",
                many / few,
                f"{many / few:.2f}",
                "1.2 or less",
                many / few <= 1.2,
            ),
        ]
    return results


def _told(what: str, figure: float, measured: str, budget: str, met: bool | None) -> dict:
    return {"what": what, "figure": figure, "measured": measured, "budget": budget, "met": met}


def _enrol(account: int, people: int) -> int:
    from accounts.actors import Actor
    from accounts.tenancy import account_scope
    from tests.make import make_flow
    from triggers import schedules
    from triggers.models import Occurrence

    with account_scope(account):
        flow = make_flow(["wait 1 week"], schedule={"frequency": "daily"}, criteria={"all": []}, status="running").pk
    made = schedules.run_now(account, flow, by=Actor.flyt(account))
    peak = _peak(ENROL.format(account=account, occurrence=made.pk))
    with account_scope(account):
        done = Occurrence.objects.get(pk=made.pk)
    if (done.status, done.enrolled) != ("done", people):
        raise SystemExit(f"the run is {done.status} with {done.enrolled} enrolled")
    return peak


def _export(account: int, people: int) -> int:
    return _peak(EXPORT.format(account=account, people=people))


def _peak(code: str) -> int:
    """Kilobytes of a process that ran `code`."""
    with tempfile.NamedTemporaryFile("r") as told:
        stage.workers(code + TELL.format(told=told.name), 1)
        return int(told.read())
