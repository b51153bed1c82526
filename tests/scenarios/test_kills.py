"""Each child is killed while thousands walk: it is back within seconds, nobody is lost, nothing happens twice."""

from collections import Counter

from tests.live import Live
from tests.scenarios.breaking import forgive_leases

PEOPLE = 5_000
NAMES = ("engine", "delivery", "default", "bulk", "beat", "web", "inbox")


def seed(live: Live) -> tuple[int, int, int]:
    """Five thousand contacts, a list and a running flow that writes, adds to the list and sends to every tenth."""
    rows = [
        {
            "properties": {"email": f"walker{n}@example.com", "first_name": f"Walker {n}", "score": n % 10},
            "consent": True,
        }
        for n in range(PEOPLE)
    ]
    answer = live.post("records/batch/", {"object_type": "contact", "match_on": "email", "records": rows})
    assert answer["created"] == PEOPLE, answer["results"][0]
    people = live.post(
        "lists/",
        {
            "name": "Walkers",
            "object_type": "contact",
            "criteria": {"all": [{"property": "email", "operator": "starts_with", "value": "walker"}]},
        },
    )
    # Among many records a worker looks for them.
    live.until(lambda: live.get(f"lists/{people['id']}/")["size"] == PEOPLE, "the list to be filled")
    passed = live.post("lists/", {"name": "Passed", "object_type": "contact"})
    subscription = live.post("subscription-types/", {"name": "Walks"})["id"]
    content = live.post("contents/", {"name": "Walk", "subject": "Walk, {{ first_name }}", "html": "<p>Walk</p>"})["id"]
    tenth = {"all": [{"property": "score", "operator": "eq", "value": 0}]}
    flow = live.post(
        "flows/",
        {
            "name": "Walk",
            "email": {
                "sender_name": "Flyt",
                "sender_address": "walk@flyt.example",
                "reply_address": "walk@flyt.example",
                "subscription_type": subscription,
            },
            "steps": [
                {"kind": "update_record", "settings": {"values": {"city": "Here"}}},
                {
                    "kind": "split",
                    "branches": [
                        {
                            "name": "Every tenth",
                            "criteria": tenth,
                            "steps": [{"kind": "send_email", "settings": {"content": content}}],
                        }
                    ],
                },
                {"kind": "update_record", "settings": {"values": {"city": "There"}}},
                {"kind": "add_to_list", "settings": {"list": passed["id"]}},
            ],
        },
    )
    live.post(f"flows/{flow['id']}/start/")
    return flow["id"], people["id"], passed["id"]


def test_a_killed_child_comes_back_and_everyone_arrives_once(live: Live) -> None:
    flow, people, passed = seed(live)
    before = len(live.mails())
    assert live.post(f"flows/{flow}/participants/", {"list": people})["queued"] == PEOPLE
    for name in NAMES:
        live.stack.kill(name)
        live.forget_signs_of_life()
        live.until(lambda: not live.stack.why_not_ready(), f"{name} to be back", patience=30)
    for server in (live.valkey, live.database):
        live.kill_server(server)
        live.forget_signs_of_life()
        live.until(lambda: not live.stack.why_not_ready(), f"life after {server.name}", patience=60)
    live.until(
        lambda: forgive_leases(live) or live.get(f"flows/{flow}/statistics/")["counts"]["finished"] == PEOPLE,
        "everyone to arrive",
        patience=180,
    )
    statistics = live.get(f"flows/{flow}/statistics/")["counts"]
    assert (statistics["enrolled"], statistics["active"], statistics["dropped_out"]) == (PEOPLE, 0, 0)
    assert live.get(f"lists/{passed}/")["size"] == PEOPLE
    log = "select count(*) from participants_steplog where flow_id = %s"
    # update, split, update, add, finish for all; the e-mail for every tenth.
    assert live.sql(log, flow) == PEOPLE * 5 + PEOPLE // 10
    arrived = Counter(mail["Message-ID"] for mail in live.mails()[before:] if mail["Subject"].startswith("Walk"))
    assert set(arrived.values()) <= {1}, "no Message-ID arrived twice"
    # Killed between hand-over and mark, a message is unconfirmed: it has left or not, and is never sent again.
    unconfirmed = live.sql("select count(*) from messaging_message where flow_id = %s and status = 'unconfirmed'", flow)
    sent = live.sql("select count(*) from messaging_message where flow_id = %s and status = 'sent'", flow)
    assert sent + unconfirmed == PEOPLE // 10
    assert sent <= len(arrived) <= PEOPLE // 10
    assert unconfirmed <= 4
