"""A crowd of one account that walks while things break, and everything of it that must be there exactly once."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.live import Live

ROUNDS = 2  # of a crowd; see Breaker
SPLITS = 6  # that a person passes in a round, so that somebody walks for a while
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
        from participants_steplog where flow_id = %(flow)s and step_id <> 0""",
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
# For each run of a schedule that came meanwhile: %(run)s is its flow, %(entered)s the list it leads into.
FAULTS_OF_RUNS = {
    "occurrences of a run, not one that is done and has enrolled everybody": """select abs(1 - count(*))
        + count(*) filter (where (status, matched, enrolled) is distinct from ('done', %(people)s, %(people)s))
        from triggers_occurrence where flow_id = %(run)s""",
    "people whom a run has not enrolled, or enrolled again": """select abs(%(people)s - count(*)) + count(*)
        - count(distinct record_id) + count(*) filter (where occurrence_id is null or status <> 'finished')
        from participants_participant where flow_id = %(run)s""",
    "people not exactly once in the list of a run": """select abs(%(people)s - count(*)) + count(*)
        - count(distinct record_id) from records_listentry where list_id = %(entered)s""",
}
# Every row says whose it is by itself: it must be the account of its flow, its record and its list.
OF_ANOTHER_ACCOUNT = """
select (select count(*) from participants_participant p join records_record r on r.id = p.record_id
    join flows_flow f on f.id = p.flow_id
    where %(account)s in (p.account_id, r.account_id, f.account_id)
      and (p.account_id, r.account_id, f.account_id) <> (%(account)s, %(account)s, %(account)s))
  + (select count(*) from participants_steplog l join participants_participant p on p.id = l.participant_id
    where p.flow_id in (%(flows)s) and (l.account_id, l.flow_id) <> (%(account)s, p.flow_id))
  + (select count(*) from messaging_message m join records_record r on r.id = m.record_id
    where m.flow_id in (%(flows)s) and (m.account_id, r.account_id) <> (%(account)s, %(account)s))
  + (select count(*) from records_listentry e join records_record r on r.id = e.record_id
    where e.list_id in (%(lists)s) and (e.account_id, r.account_id) <> (%(account)s, %(account)s))
  + (select count(*) from records_event e join records_record r on r.id = e.record_id
    where e.flow_id in (%(flows)s) and (e.account_id, r.account_id) <> (%(account)s, %(account)s))
  + (select count(*) from triggers_occurrence where flow_id in (%(flows)s) and account_id <> %(account)s)
"""
PROGRESS = """
select (select count(*) from participants_steplog where flow_id in (%(flows)s) and step_id <> 0)
  + (select count(*) from messaging_message where flow_id in (%(flows)s) and status in ('sent', 'unconfirmed'))
"""
# What a pause freezes: a lease that ends takes a message from `sending` to `unconfirmed`, and people may come in.
STANDING = """
select array[
  (select coalesce(sum(hop), 0) from participants_participant where flow_id in (%(flows)s)),
  (select count(*) from participants_participant where flow_id in (%(flows)s) and status <> 'active'),
  (select count(*) from participants_steplog where flow_id in (%(flows)s)),
  (select count(*) from messaging_message where flow_id in (%(flows)s)),
  (select count(*) from messaging_message where flow_id in (%(flows)s) and status = 'sent'),
  (select count(*) from records_event where flow_id in (%(flows)s)
    and kind in ('record_updated', 'list_joined', 'message_handed_over')),
  (select count(*) from records_listentry where list_id in (%(lists)s))]
"""


@dataclass(frozen=True)
class Round:
    """A flow with a schedule that enrols the crowd once, splits it again and again and puts everybody in a list."""

    flow: int
    list_id: int


@dataclass
class Crowd:
    """People who walk a flow that updates them, sends to every `share`-th, updates again and puts them in a list.

    All of them are enrolled in each of its rounds, too. Two crowds in two accounts have the same addresses.
    """

    live: Live
    people: int
    share: int = 10
    name: str = "Crowd"
    account: int = 0
    key: str = ""  # of the account; without one the demo account's
    flow: int = 0
    list_id: int = 0
    everybody: int = 0
    moment: datetime = field(init=False)  # of the rounds
    rounds: list[Round] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)  # mails that were there before

    @property
    def addressed(self) -> int:
        """How many get a message."""
        return len(range(self.share, self.people + 1, self.share))

    def gather(self) -> None:
        """Make the people, the lists and the flows, and turn the flows on."""
        live = self.live
        self.seen = set(live.stack.inbox_dir.glob("*.eml"))
        self.account = self.account or live.sql("select id from accounts_account order by id limit 1")
        live.sql(SEED, self.share, self.people, self.account)
        begins = {"all": [{"property": "email", "operator": "starts_with", "value": "crowd"}]}
        self.everybody = self._post("lists/", {"name": self.name, "object_type": "contact", "criteria": begins})["id"]
        live.until(lambda: self._get(f"lists/{self.everybody}/")["size"] == self.people, "the list of the crowd")
        self.list_id = self._post("lists/", {"name": f"{self.name} arrived", "object_type": "contact"})["id"]
        self.flow = self._post("flows/", self._document())["id"]
        self.moment = live.now().replace(second=0, microsecond=0)
        for number in range(ROUNDS):
            name = f"{self.name} round {number}"
            into = self._post("lists/", {"name": name, "object_type": "contact"})["id"]
            self.rounds.append(Round(self._post("flows/", self._round(name, into))["id"], into))
        for flow in self.flows:
            self._post(f"flows/{flow}/start/")

    def enter(self) -> None:
        """Let everybody in."""
        asked = self._post(f"flows/{self.flow}/participants/", {"list": self.everybody})
        assert asked["queued"] == self.people

    def fire(self, number: int) -> None:
        """Let the moment of a round come."""
        change = "update triggers_schedule set next_run_at = %s, catch_up = 'all' where flow_id = %s"
        self.live.sql(change, self.moment, self.rounds[number].flow)

    def press(self, verb: str, status: str) -> None:
        """Pause or resume every flow, as somebody would who sees an error and presses again."""
        for flow in self.flows:
            answers: Counter[str] = Counter()

            def is_done(flow: int = flow, answers: Counter[str] = answers) -> bool:
                if self._call("GET", f"flows/{flow}/")[1].get("status") == status:
                    return True
                code, answer = self._call("POST", f"flows/{flow}/{verb}/")
                answers[f"{code} {answer}"] += 1
                return code == 200

            try:
                self.live.until(is_done, f"{verb} of flow {flow}", 30)
            except AssertionError as error:
                raise AssertionError(f"{error}: {answers}") from None

    def standing(self) -> list[int]:
        """Where everybody is and what they have brought about, in figures that a pause freezes."""
        return [int(figure) for figure in self._ask(STANDING)]

    def mails(self) -> Counter[str]:
        """How often each of its messages has arrived."""
        new = set(self.live.stack.inbox_dir.glob("*.eml")) - self.seen
        return Counter(name for file in new if (name := message_id(file, self.name)))

    def go_home(self) -> None:
        """Turn the schedules off: later tests move the clock."""
        for each in self.rounds:
            self._post(f"flows/{each.flow}/end/")

    @property
    def flows(self) -> list[int]:
        """The flow of the crowd, and those of the rounds."""
        return [self.flow, *(each.flow for each in self.rounds)]

    def progress(self) -> int:
        """How much has happened: log rows, and messages that are through."""
        return int(self._ask(PROGRESS))

    def walked(self) -> float:
        """Which part of the walk through its own flow is done, 0 to 1."""
        return int(self._ask(PROGRESS.replace("%(flows)s", str(self.flow)))) / (self.people * 5 + self.addressed * 2)

    def is_in_round(self, number: int) -> bool:
        """Whether somebody walks there."""
        return bool(self._ask(PROGRESS.replace("%(flows)s", str(self.rounds[number].flow))))

    @property
    def whole(self) -> int:
        """The progress when everybody has arrived."""
        return self.people * (5 + (SPLITS + 2) * len(self.rounds)) + self.addressed * 2

    def faults(self) -> list[str]:
        """What is not as it must be once everybody has arrived."""
        found = [f"{what}: {number}" for what, question in FAULTS.items() if (number := self._ask(question))]
        for each in self.rounds:
            asked = {"run": each.flow, "entered": each.list_id}
            found += [
                f"{what}: {n}" for what, question in FAULTS_OF_RUNS.items() if (n := self._ask(question, **asked))
            ]
        if number := self._ask(OF_ANOTHER_ACCOUNT):
            found.append(f"rows that belong to two accounts: {number}")
        return [*found, *self._faults_of_the_inbox()]

    def _ask(self, question: str, **more: int) -> Any:
        lists = [self.list_id, *(each.list_id for each in self.rounds)]
        made_of = {
            "account": self.account,
            "flow": self.flow,
            "flows": ", ".join(map(str, self.flows)),
            "people": self.people,
            "addressed": self.addressed,
            "list": self.list_id,
            "lists": ", ".join(map(str, lists)),
            **more,
        }
        for name, value in made_of.items():
            question = question.replace(f"%({name})s", str(value))
        return self.live.sql(question)

    def _call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return self.live.call(method, path, body, **({"authorization": f"Bearer {self.key}"} if self.key else {}))

    def _post(self, path: str, body: Any = None) -> Any:
        status, answer = self._call("POST", path, body)
        assert status in (200, 201, 202), answer
        return answer

    def _get(self, path: str) -> Any:
        status, answer = self._call("GET", path)
        assert status == 200, answer
        return answer

    def unconfirmed(self) -> int:
        """How many messages a worker took with it."""
        asked = "select count(*) from messaging_message where flow_id = %s and status = 'unconfirmed'"
        return int(self.live.sql(asked, self.flow))

    def _faults_of_the_inbox(self) -> Iterator[str]:
        arrived = self.mails()
        ids = "select array_agg(message_id) from messaging_message where flow_id = %s and status = %s"
        sent, unsure = (set(self.live.sql(ids, self.flow, status) or []) for status in ("sent", "unconfirmed"))
        if twice := [name for name, times in arrived.items() if times > 1]:
            yield f"mails that arrived twice: {len(twice)}"
        if lost := sent - set(arrived):
            yield f"messages sent that did not arrive: {len(lost)}"
        if strange := set(arrived) - sent - unsure:
            yield f"mails of messages that are not marked as sent: {len(strange)}"

    def _document(self) -> dict[str, object]:
        subscription = self._post("subscription-types/", {"name": self.name})["id"]
        letter = {"name": self.name, "subject": f"{self.name}, {{{{ first_name }}}}", "html": "<p>Go</p>"}
        content = self._post("contents/", letter)
        some = {"all": [{"property": "score", "operator": "eq", "value": 0}]}
        send = {"kind": "send_email", "settings": {"content": content["id"]}}
        return {
            "name": self.name,
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

    def _round(self, name: str, into: int) -> dict[str, object]:
        """Due a day from now, unless `fire` brings its moment about."""
        at = {"frequency": "daily", "times": [f"{self.moment:%H:%M}"], "time_zone": "UTC"}
        some = {"all": [{"property": "score", "operator": "eq", "value": 0}]}
        who = {"all": [{"list": self.everybody, "operator": "in"}]}
        return {
            "name": name,
            "time_zone": "UTC",
            "triggers": [{"kind": "schedule", "criteria": who, "schedule": at}],
            "steps": [
                *[{"kind": "split", "branches": [{"name": "Some", "criteria": some, "steps": []}]}] * SPLITS,
                {"kind": "add_to_list", "settings": {"list": into}},
            ],
        }


def message_id(file: Path, name: str = "Crowd") -> str:
    """The Message-ID of a mail of the crowd of that name, without its brackets; empty for any other mail."""
    head = file.read_bytes()[:4000].decode(errors="replace")
    found = re.search(r"^Message-ID:\s*<([^>]+)>", head, re.MULTILINE | re.IGNORECASE)
    return found.group(1) if found and f"Subject: {name}," in head else ""
