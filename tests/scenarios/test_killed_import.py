"""The worker of an import is killed half way: another goes on where the last chunk ended, to the same end."""

from typing import Any

from tests.live import Live
from tests.records.files import EXPORT

ENDED = "select status from records_import where id = %s and status in ('done', 'failed')"
TAKEN: dict[str, Any] = {"rows": 10_000, "refused": 154, "status": "done"}


def bring_in(live: Live, *, is_killed: bool) -> dict[str, Any]:
    """Import the export; its worker dies with a part of the rows in, at work on the next ones."""
    made: dict[str, Any] = live.upload("imports/", EXPORT, match_on="external_id", name="Killed")
    if is_killed:
        is_half_way = "select 1 from records_import where id = %s and next_row > 0"
        live.until(lambda: live.sql(is_half_way, made["id"]), "some rows are in")
        live.stack.kill("bulk")
        assert live.sql("select next_row from records_import where id = %s", made["id"]) < TAKEN["rows"]
    live.until(lambda: live.sql(ENDED, made["id"]), "the import has ended")
    found: dict[str, Any] = live.get(f"imports/{made['id']}/")
    assert found["created"] + found["updated"] + found["unchanged"] + found["refused"] == found["rows"]
    return found


def test_a_killed_import_ends_as_one_that_was_left_alone(live: Live) -> None:
    killed = bring_in(live, is_killed=True)
    assert {name: killed[name] for name in TAKEN} == TAKEN
    assert killed["created"] == 9_846
    contacts = "select count(*) from records_record where import_id = %s and external_id is not null"
    assert live.sql(contacts, killed["id"]) == 9_846
    assert live.sql("select count(*) from records_listentry where list_id = %s", killed["list"]) == 9_846
    assert live.sql("select count(*) from records_refusedrow where source_id = %s", killed["id"]) == 154

    again = bring_in(live, is_killed=False)
    assert {name: again[name] for name in TAKEN} == TAKEN
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 9_846)
