"""Breaks a whole Flyt at random while a crowd walks, and then counts everything that must be there exactly once.

The suite does so with few people, `benchmarks/crash.py` with 50,000.
"""

import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from devstack.stack import Stack
from tests.live import Live

UNKIND = Path(__file__).parent / "unkind"
POOL = 2  # processes of a worker of the engine or of delivery
SEED = """
insert into records_record (account_id, object_type_id, properties, consent, former_employee, created_at, updated_at)
select t.account_id, t.id, jsonb_build_object('email', 'crowd' || g || '@example.com', 'first_name', 'Walker ' || g,
    'score', g %% %s, 'city', 'Nowhere'), 'given', false, now(), now()
from records_objecttype t, generate_series(1, %s) g where t.key = 'contact' and t.account_id = %s
"""
# Each counts what should not be. %(flow)s, and what the crowd is made of.
FAULTS = {
    "walks that are not finished": """select count(*) from participants_participant
        where flow_id = %(flow)s and status <> 'finished'""",
    "people short of, or beyond, one walk each": """select abs(%(people)s - count(*)) + count(*)
        - count(distinct record_id) from participants_participant where flow_id = %(flow)s""",
    "walks whose log has a gap, a step twice, or another length than their hops": """select count(*) from (
        select p.id from participants_participant p left join participants_steplog l on l.participant_id = p.id
        where p.flow_id = %(flow)s group by p.id, p.hop having count(l.hop) <> p.hop or max(l.hop) <> p.hop - 1
          or count(distinct l.step_id) <> p.hop) wrong""",
    "log rows short of, or beyond, one per step": """select abs(%(people)s * 5 + %(addressed)s - count(*))
        from participants_steplog where flow_id = %(flow)s""",
    "people without exactly the two changes, each with its event": """select %(people)s - count(*) from (
        select e.record_id from records_event e join records_record r on r.id = e.record_id
        where e.flow_id = %(flow)s and e.kind = 'record_updated' and r.properties->>'city' = 'There' group by 1
        having array_agg(e.detail->'changes'->'city'->>1 order by e.id) = '{Here,There}') as_it_should""",
    "events of changes too many": """select count(*) - 2 * %(people)s from records_event
        where flow_id = %(flow)s and kind = 'record_updated'""",
    "people not exactly once in the list": """select abs(%(people)s - count(*)) + count(*) - count(distinct record_id)
        from records_listentry where list_id = %(list)s""",
    "events of joining the list, not one each": """select abs(%(people)s - count(*)) + count(*)
        - count(distinct record_id) from records_event where flow_id = %(flow)s and kind = 'list_joined'""",
    "messages, not one per walk that sends": """select abs(%(addressed)s - count(*)) + count(*)
        - count(distinct record_id) from messaging_message where flow_id = %(flow)s""",
    "messages that belong to no hop of their walk": """select count(*) from messaging_message m
        where m.flow_id = %(flow)s and not exists (
          select 1 from participants_steplog l join flows_step s on s.id = l.step_id and s.kind = 'send_email'
          join participants_participant p on p.id = l.participant_id and p.record_id = m.record_id
          where m.origin_key = 'participant:' || l.participant_id || ':' || l.hop)""",
    "messages neither sent nor unconfirmed": """select count(*) from messaging_message
        where flow_id = %(flow)s and status not in ('sent', 'unconfirmed')""",
    "hand-overs, not one event per message": """select abs(%(addressed)s - count(*)) + count(*)
        - count(distinct detail->>'message_id') from records_event
        where flow_id = %(flow)s and kind = 'message_handed_over'""",
    "events and intake that wait": """select (select count(*) from records_eventpending)
        + (select count(*) from participants_intake where flow_id = %(flow)s)""",
    "counts of the flow that differ from the rows": """select count(*) from (
        select what, sum(n) as n from (
          select what, n from participants_counter where flow_id = %(flow)s and step_id = 0
          union all select what, n from participants_tally where flow_id = %(flow)s and step_id = 0) counted
        where what not in ('on', 'passed') group by what) counts
        full join (
          select status as what, count(*) as n from participants_participant where flow_id = %(flow)s group by status
          union all select 'enrolled', count(*) from participants_participant where flow_id = %(flow)s) lying
        using (what) where coalesce(counts.n, 0) <> coalesce(lying.n, 0)""",
    "counts of steps that differ from the log": """select count(*) from (
        select step_id, what, sum(n) as n from (
          select step_id, what, n from participants_counter where flow_id = %(flow)s
          union all select step_id, what, n from participants_tally where flow_id = %(flow)s) counted
        where what in ('on', 'passed') and step_id <> 0 group by step_id, what) counts
        full join (
          select step_id, 'passed' as what, count(*) as n from participants_steplog
          where flow_id = %(flow)s and outcome = 'continued' group by step_id) lying
        using (step_id, what) where coalesce(counts.n, 0) <> coalesce(lying.n, 0)""",
}
PROGRESS = """
select (select count(*) from participants_steplog where flow_id = %s)
  + (select count(*) from messaging_message where flow_id = %s and status in ('sent', 'unconfirmed'))
"""


@dataclass
class Crowd:
    """People who walk a flow that updates them, sends to every `share`-th, updates again and puts them in a list."""

    live: Live
    people: int
    share: int = 10
    flow: int = 0
    list_id: int = 0
    everybody: int = 0
    seen: set[Path] = field(default_factory=set)  # mails that were there before

    @property
    def addressed(self) -> int:
        """How many get a message."""
        return len(range(self.share, self.people + 1, self.share))

    def gather(self) -> None:
        """Make the people, the list and the flow, and turn the flow on."""
        live = self.live
        self.seen = set(live.stack.inbox_dir.glob("*.eml"))
        account = live.sql("select id from accounts_account order by id limit 1")
        live.sql(SEED, self.share, self.people, account)
        begins = {"all": [{"property": "email", "operator": "starts_with", "value": "crowd"}]}
        everybody = live.post("lists/", {"name": "Crowd", "object_type": "contact", "criteria": begins})
        self.everybody = everybody["id"]
        live.until(lambda: live.get(f"lists/{self.everybody}/")["size"] == self.people, "the list of the crowd")
        self.list_id = live.post("lists/", {"name": "Arrived", "object_type": "contact"})["id"]
        self.flow = live.post("flows/", self._document())["id"]
        live.post(f"flows/{self.flow}/start/")

    def enter(self) -> None:
        """Let everybody in."""
        asked = self.live.post(f"flows/{self.flow}/participants/", {"list": self.everybody})
        assert asked["queued"] == self.people

    def progress(self) -> int:
        """How much has happened: log rows, and messages that are through."""
        return int(self.live.sql(PROGRESS, self.flow, self.flow))

    @property
    def whole(self) -> int:
        """The progress when everybody has arrived."""
        return self.people * 5 + self.addressed * 2

    def faults(self) -> list[str]:
        """What is not as it must be once everybody has arrived."""
        made_of = {"flow": self.flow, "people": self.people, "addressed": self.addressed, "list": self.list_id}
        found = []
        for what, question in FAULTS.items():
            for name, value in made_of.items():
                question = question.replace(f"%({name})s", str(value))
            if number := self.live.sql(question):
                found.append(f"{what}: {number}")
        return [*found, *self._faults_of_the_inbox()]

    def unconfirmed(self) -> int:
        """How many messages a worker took with it."""
        asked = "select count(*) from messaging_message where flow_id = %s and status = 'unconfirmed'"
        return int(self.live.sql(asked, self.flow))

    def _faults_of_the_inbox(self) -> Iterator[str]:
        arrived = Counter(
            name for file in set(self.live.stack.inbox_dir.glob("*.eml")) - self.seen if (name := message_id(file))
        )
        ids = "select array_agg(message_id) from messaging_message where flow_id = %s and status = %s"
        sent, unsure = (set(self.live.sql(ids, self.flow, status) or []) for status in ("sent", "unconfirmed"))
        if twice := [name for name, times in arrived.items() if times > 1]:
            yield f"mails that arrived twice: {len(twice)}"
        if lost := sent - set(arrived):
            yield f"messages sent that did not arrive: {len(lost)}"
        if strange := set(arrived) - sent - unsure:
            yield f"mails of messages that are not marked as sent: {len(strange)}"

    def _document(self) -> dict[str, object]:
        live = self.live
        subscription = live.post("subscription-types/", {"name": "Crowd"})["id"]
        content = live.post("contents/", {"name": "Crowd", "subject": "Crowd, {{ first_name }}", "html": "<p>Go</p>"})
        some = {"all": [{"property": "score", "operator": "eq", "value": 0}]}
        send = {"kind": "send_email", "settings": {"content": content["id"]}}
        return {
            "name": "Crowd",
            "email": {
                "sender_name": "Flyt",
                "sender_address": "crowd@flyt.example",
                "reply_address": "crowd@flyt.example",
                "subscription_type": subscription,
            },
            "steps": [
                {"kind": "update_record", "settings": {"values": {"city": "Here"}}},
                {"kind": "split", "branches": [{"name": "Some", "criteria": some, "steps": [send]}]},
                {"kind": "update_record", "settings": {"values": {"city": "There"}}},
                {"kind": "add_to_list", "settings": {"list": self.list_id}},
            ],
        }


@dataclass
class Breaker:
    """Kills workers and servers while a crowd walks; the same seed kills in the same order."""

    crowd: Crowd
    stacks: list[Stack]
    kills: int
    seed: int
    lost_senders: int = 0  # processes of delivery that were killed, or lost their database
    tell: Callable[[str], None] = lambda _said: None

    def run(self) -> None:
        """`kills` kills, spread over the walk at random; between them the broker and the database are broken too."""
        rolls, live = random.Random(self.seed), self.crowd.live
        extra = {
            self.kills // 5: ("flushed the broker", live.flush_broker),
            self.kills // 5 * 2: ("restarted the database", self._restart_database),
            self.kills // 5 * 3: ("stopped the broker", self._stop_broker),
            self.kills // 5 * 4: ("flushed the broker", live.flush_broker),
        }
        for number in range(self.kills):
            self._await((number + rolls.random()) / self.kills * 0.9)
            if number in extra:
                what, act = extra[number]
                act()
                self.tell(what)
            self._kill(rolls)

    def arrive(self, patience: float) -> None:
        """Wait until everybody is through and every message has its final word."""
        live, crowd = self.crowd.live, self.crowd
        live.until(lambda: forgive_leases(live) or crowd.progress() >= crowd.whole, "everybody to arrive", patience)
        waiting = "select (select count(*) from records_eventpending) + (select count(*) from participants_intake)"
        live.until(lambda: not live.sql(waiting), "what waits to be done", patience)

    def _await(self, part: float) -> None:
        """Until that part of the walk is done; no longer than two seconds, lest a slow moment make kills rare."""
        end = time.monotonic() + 2
        while time.monotonic() < end and self.crowd.progress() < part * self.crowd.whole:
            time.sleep(0.02)

    def _kill(self, rolls: random.Random) -> None:
        """A process of a worker's pool, or now and then the whole worker."""
        while True:
            stack = rolls.choice(self.stacks)
            assert not stack.failed, stack.failed
            name = rolls.choice([child for child in ("engine", "delivery", "default", "bulk") if child in stack.pids])
            inside = children_of(stack.pids[name])
            if rolls.random() < 0.15:
                stack.kill(name)
                lost, what = POOL, "the whole of"
                break
            if inside:
                kill(rolls.choice(inside))
                lost, what = 1, "a process of"
                break
            time.sleep(0.05)  # it is just coming back
        self.lost_senders += lost if name == "delivery" else 0
        self.tell(f"killed {what} {name}")

    def _stop_broker(self) -> None:
        live = self.crowd.live
        live.kill_server(live.valkey, signal.SIGTERM, away=3)

    def _restart_database(self) -> None:
        live = self.crowd.live
        live.kill_server(live.database, signal.SIGQUIT)  # "immediate": nothing is written, as in a crash
        self.lost_senders += POOL * len(self.stacks)


@contextmanager
def more_workers(live: Live, *, wrong_by: float, copies: int) -> Iterator[list[Stack]]:
    """The stack's own workers and as many again, whose clock is wrong and whose hints come several times."""
    more = live.more_workers(unkind(wrong_by, copies))
    try:
        yield [live.stack, more]
    finally:
        more.stop()


def unkind(wrong_by: float, copies: int) -> dict[str, str]:
    """The environment of a process with unkind surroundings."""
    path = f"{UNKIND}{os.pathsep}{Path(__file__).parent.parent.parent}"
    return {"PYTHONPATH": path, "FLYT_CLOCK_WRONG_BY": str(wrong_by), "FLYT_HINT_COPIES": str(copies)}


def children_of(pid: int) -> list[int]:
    """The processes that a process has started; none where the system does not say."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def kill(pid: int) -> None:
    """SIGKILL to one process, which may have ended by itself."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def deadlocks(live: Live) -> int:
    """How many deadlocks the log of the database tells of."""
    return (live.database.var / "logs" / "postgres.log").read_text(errors="replace").count("deadlock detected")


def message_id(file: Path) -> str:
    """The Message-ID of a mail of the crowd, without its brackets; empty for any other mail."""
    head = file.read_bytes()[:4000].decode(errors="replace")
    found = re.search(r"^Message-ID:\s*<([^>]+)>", head, re.MULTILINE | re.IGNORECASE)
    return found.group(1) if found and "Subject: Crowd" in head else ""


def forgive_leases(live: Live) -> None:
    """End the leases of workers that are dead, which would run for two minutes more."""
    lasting = "select array_agg(id) from messaging_message where status = 'sending' or lease_until is not null"
    before = live.sql(lasting)
    if before:
        time.sleep(3)  # whoever lives is through with these by then
        live.sql(
            "update messaging_message set lease_until = clock_timestamp() - interval '1 second'"
            " where id = any(%s) and (status = 'sending' or lease_until is not null)"
            "   and status in ('queued', 'sending')",
            before,
        )
