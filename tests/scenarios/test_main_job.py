"""The main job, on real input and real parts: a file of contacts becomes e-mails that arrive on a schedule."""

import csv
import re
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.live import Live

FILE = Path(__file__).parent.parent / "data" / "contacts-export.csv"
STOCKHOLM = ZoneInfo("Europe/Stockholm")
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}")
SWEDISH_LEADS = {
    "all": [
        {"property": "country", "operator": "eq", "value": "SE"},
        {"property": "lifecycle_stage", "operator": "eq", "value": "Lead"},
        {"property": "score", "operator": "gt", "value": 50},
    ]
}


def leads_of_the_file() -> tuple[int, dict[str, str]]:
    """Read the file by itself: how many Swedish leads, and the first name by address that may be written to."""
    with FILE.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    leads, eligible = 0, {}
    for row in rows:
        address = row["Email"].strip().lower()
        if address and not ADDRESS.fullmatch(address):
            continue  # refused: not an address
        if row["Country/Region"] == "SE" and row["Lifecycle Stage"] == "Lead" and int(row["Score"] or 0) > 50:
            leads += 1
            if address and row["Newsletter opt-in"].lower() in ("true", "yes"):
                eligible.setdefault(address, row["First Name"])  # of two who share an address the first one's
    return leads, eligible


def last_day(after: datetime) -> datetime:
    """15:00 in Stockholm on the last day of a month, strictly after a moment."""
    month = after.astimezone(STOCKHOLM).replace(day=1, hour=15, minute=0, second=0, microsecond=0)
    while True:
        following = (month + timedelta(days=32)).replace(day=1)
        moment = (following - timedelta(days=1)).astimezone(UTC)
        if moment > after:
            return moment
        month = following


def import_the_file(live: Live) -> None:
    started = live.upload("imports/", FILE, name="Contacts", object_type="contact", match_on="external_id")
    done = live.until(
        lambda: (got := live.get(f"imports/{started['id']}/"))["status"] in ("done", "failed") and got, "the import"
    )
    assert done["status"] == "done", done
    assert done["created"] + done["updated"] + done["unchanged"] + done["refused"] == done["rows"] == 10_000


def make_flow(live: Live, list_id: int) -> int:
    subscription = live.post("subscription-types/", {"name": "Monthly letter"})["id"]
    first, second = (
        live.post(
            "contents/",
            {
                "name": name,
                "subject": f"{name} for {{{{ first_name }}}}",
                "html": f"<p>{name}, {{{{ first_name }}}}.</p><p><a href='https://example.com/{name.lower()}'>Read</a></p>",
            },
        )["id"]
        for name in ("Hello", "Reminder")
    )
    document = {
        "name": "Monthly letter to Swedish leads",
        "time_zone": "Europe/Stockholm",
        "email": {
            "sender_name": "Flyt",
            "sender_address": "letter@flyt.example",
            "reply_address": "reply@flyt.example",
            "subscription_type": subscription,
        },
        "triggers": [
            {
                "kind": "schedule",
                "criteria": {"all": [{"list": list_id, "operator": "in"}]},
                "schedule": {
                    "frequency": "monthly",
                    "flexible": {"ordinal": "last", "day": "day"},
                    "times": ["15:00"],
                    "time_zone": "Europe/Stockholm",
                },
            }
        ],
        "steps": [
            {"kind": "send_email", "settings": {"content": first}},
            {"kind": "wait", "settings": {"amount": 2, "unit": "days"}},
            {
                "kind": "split",
                "branches": [
                    {
                        "name": "Very warm",
                        "criteria": {"all": [{"property": "score", "operator": "gte", "value": 75}]},
                        "steps": [{"kind": "send_email", "settings": {"content": second}}],
                    }
                ],
            },
        ],
    }
    flow = live.post("flows/", document)
    problems = live.get(f"flows/{flow['id']}/problems/")
    assert [p for p in problems["problems"] if p["severity"] == "error"] == []
    return flow["id"]


def counts(live: Live, flow: int) -> dict[str, int]:
    return live.get(f"flows/{flow}/statistics/")["counts"]


def letters(live: Live) -> list[EmailMessage]:
    """The mails of the flow under test: the example account's own flows write too."""
    return [mail for mail in live.mails() if mail["Subject"].startswith(("Hello for", "Reminder for"))]


def subjects(live: Live) -> Counter[tuple[str, str]]:
    """How often each (address, subject) has arrived."""
    return Counter((mail["To"].addresses[0].addr_spec, mail["Subject"]) for mail in letters(live))


def position(live: Live, flow: int) -> tuple[int, int, int]:
    """Where everything of a flow is, in three numbers: hops, messages that have left, mails that have arrived.

    A worker that had marked a message `sending` as the pause came puts it back into the queue: it has not left.
    """
    hops = live.sql("select sum(hop) from participants_participant where flow_id = %s", flow)
    still = "status in ('queued', 'sending')"
    left = live.sql(f"select count(*) from messaging_message where flow_id = %s and not ({still})", flow)
    return hops, left, len(letters(live))


def waiting(live: Live, flow: int) -> int:
    """How many stand in the wait: a letter arrives before its person goes on."""
    return live.sql(
        "select count(*) from participants_participant"
        " where flow_id = %s and status = 'active' and wait_until is not null and due_at = wait_until",
        flow,
    )


def nothing_moves(live: Live, flow: int, seconds: float = 3) -> bool:
    """Watch a flow for a while."""
    before, end = position(live, flow), time.monotonic() + seconds
    while time.monotonic() < end:
        if position(live, flow) != before:
            return False
    return True


def test_a_file_of_contacts_becomes_letters_on_the_last_day_of_the_month(live: Live) -> None:
    leads, eligible = leads_of_the_file()
    assert 200 < len(eligible) < leads
    import_the_file(live)
    made = live.post("lists/", {"name": "Swedish leads", "object_type": "contact", "criteria": SWEDISH_LEADS})
    # Among so many records a worker looks for them.
    live.until(lambda: live.get(f"lists/{made['id']}/")["size"] == leads, "the list to be filled")
    flow = make_flow(live, made["id"])
    live.post(f"flows/{flow}/start/")
    assert letters(live) == []

    # The moment comes. Paused in the middle, nothing moves; resumed, it completes.
    first_run = last_day(live.now())
    live.clock_to(first_run + timedelta(seconds=5))
    live.until(lambda: len(letters(live)) > 20, "the first letters")
    live.post(f"flows/{flow}/pause/")
    assert len(letters(live)) < len(eligible), "the pause came in the middle"
    assert nothing_moves(live, flow)
    live.post(f"flows/{flow}/resume/")
    hello = Counter({(address, f"Hello for {name}".strip()): 1 for address, name in eligible.items()})
    live.until(lambda: len(letters(live)) >= len(eligible), "every first letter")
    live.until(lambda: waiting(live, flow) == len(eligible), "everyone to stand in the wait")
    live.until(lambda: counts(live, flow)["active"] == len(eligible), "everyone else to have dropped out")
    assert subjects(live) == hello
    assert counts(live, flow)["enrolled"] == leads

    # Two days later the very warm ones are reminded, and everyone is through.
    live.clock_to(first_run + timedelta(days=2, minutes=10))
    live.until(lambda: counts(live, flow)["active"] == 0, "everyone to be through")
    reminded = {address for address, subject in subjects(live) if subject.startswith("Reminder")}
    assert 50 < len(reminded) < len(eligible)
    assert subjects(live) == hello + Counter({(a, f"Reminder for {eligible[a]}".strip()): 1 for a in reminded})
    first_month = counts(live, flow)
    assert (first_month["finished"], first_month["dropped_out"]) == (len(eligible), leads - len(eligible))

    # The next month enrols all that match, though they have been through before.
    second_run = last_day(first_run)
    live.clock_to(second_run + timedelta(seconds=5))
    live.until(lambda: sum(s.startswith("Hello") for _, s in subjects(live).elements()) == 2 * len(eligible), "letters")
    assert {n for (_, subject), n in subjects(live).items() if subject.startswith("Hello")} == {2}
    live.until(lambda: waiting(live, flow) == len(eligible), "everyone to stand in the wait")
    runs = live.get(f"flows/{flow}/occurrences/")["results"]
    assert [(run["status"], run["matched"], run["enrolled"]) for run in runs] == [("done", leads, leads)] * 2
    assert [run["scheduled_for"][:16] for run in runs] == [f"{m:%Y-%m-%dT%H:%M}" for m in (second_run, first_run)]

    # Ended in the middle, the rest are cancelled; started again, they stay so.
    live.post(f"flows/{flow}/end/")
    live.until(lambda: counts(live, flow)["active"] == 0, "the end")
    assert counts(live, flow)["cancelled"] == len(eligible)
    live.post(f"flows/{flow}/start/")
    live.clock_to(second_run + timedelta(days=5))
    assert nothing_moves(live, flow)
    after = counts(live, flow)
    assert (after["cancelled"], after["active"], after["enrolled"]) == (len(eligible), 0, 2 * leads)
    assert live.sql("select count(*) - count(distinct message_id) from messaging_message") == 0
    arrived = Counter(mail["Message-ID"] for mail in live.mails())
    assert set(arrived.values()) == {1}, "no Message-ID arrived twice"
