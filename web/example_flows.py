"""What the example says and does: its e-mails, and the documents of its three flows."""

from typing import Any, Final

from messaging.models import Content, SubscriptionType
from records.models import List
from web.example_people import INTEREST

SENDER: Final = {
    "sender_name": "Havrevik Friluft",
    "sender_address": "hei@havrevik.example",
    "reply_address": "hei@havrevik.example",
}
LETTER: Final = """\
<h1>{title}</h1>
<p>Hi {{{{ first_name | default: "there" }}}},</p>
{body}
<p><a href="https://havrevik.example/{path}">{link}</a></p>
<p>See you in the mountains,<br>Maja at Havrevik Friluft</p>
"""
LETTERS: Final = {
    "Winter season welcome": (
        'Hi {{ first_name | default: "there" }}, which of these do you like best?',
        "Skis, boots or a paddle: tell us, and we write about nothing else.",
        "Good to have you with us",
        "<p>We are a small shop in Ålesund that lends, mends and sells what one needs outside. "
        "Tell us what you like best, and we will only write about that.</p>",
        "winter",
        "See the winter programme",
    ),
    "Five huts you can ski to": (
        "Five huts you can ski to from the road",
        "None of them further than a morning.",
        "Five huts you can ski to",
        "<p>All five are open from the middle of December. Two have a stove that draws well, and we say which.</p>",
        "huts",
        "Show the five on a map",
    ),
    "Short days, long walks": (
        "Short days, long walks: three for November",
        "With a head torch they are long enough.",
        "Three walks for short days",
        "<p>Start before nine, be back for coffee. Each of the three ends where a bus goes.</p>",
        "walks",
        "Read about the walks",
    ),
    "What to bring": (
        "What we bring ourselves",
        "A list for the lid of the rucksack.",
        "What to bring",
        '<p>We have packed for {{ city | default: "the west coast" }} for thirty years. '
        "This is what is left of the list.</p>",
        "packing",
        "Print the list",
    ),
    "Time to renew": (
        'Your membership, {{ first_name | default: "dear member" }}',
        "Ten per cent at the till and the workshop on Thursdays.",
        "One more year?",
        "<p>Your membership runs out soon. It costs the same as last year.</p>",
        "renew",
        "Renew the membership",
    ),
}
DRAFT: Final = "Spring catalogue"
ALL: Final = (*LETTERS, DRAFT)


def make_contents() -> dict[str, Content]:
    """The e-mails by name; the catalogue has no subject yet, which stops its flow."""
    made = {}
    for name, (subject, preheader, title, body, path, link) in LETTERS.items():
        plain_body = body.replace("{{", "{{{{").replace("}}", "}}}}") if "{{" in body else body
        html = LETTER.replace("{body}", plain_body).format(title=title, path=path, link=link)
        made[name] = Content.objects.create(name=name, subject=subject, preheader=preheader, html=html)
    html = "<h1>Spring in Björnö</h1>\n<p>The catalogue comes in March. More to be written here.</p>\n"
    made[DRAFT] = Content.objects.create(name=DRAFT, subject="", html=html)
    return made


def welcome(
    contents: dict[str, Content], subscription: SubscriptionType, *, staff: List, winter: List
) -> dict[str, Any]:
    """A split, two waits and a success: the flow that runs."""
    return {
        "name": "Winter season welcome",
        "description": "Greets new subscribers every Monday, learns what they like and writes about that.",
        "email": {**SENDER, "subscription_type": subscription.pk},
        "exclusion_lists": [staff.pk],
        "success": [{"name": "Became a customer", "criteria": _stage("Customer")}],
        "jump_to_finish": True,
        "triggers": [
            {
                "kind": "schedule",
                "criteria": _stage("Subscriber"),
                "schedule": {"frequency": "weekly", "weekdays": ["monday"], "times": ["09:00"]},
            }
        ],
        "steps": [
            _send("Welcome", contents["Winter season welcome"]),
            _wait(3),
            {
                "kind": "split",
                "name": "What do they like?",
                "settings": {},
                "branches": [
                    _branch("Skiing", [_send("", contents["Five huts you can ski to"])]),
                    _branch("Hiking", [_send("", contents["Short days, long walks"])]),
                    {
                        "name": "Everyone else",
                        "is_everyone_else": True,
                        "steps": [_send("", contents["What to bring"])],
                    },
                ],
            },
            {"kind": "add_to_list", "settings": {"list": winter.pk}},
            _wait(7),
            {"kind": "update_record", "settings": {"values": {"lifecycle_stage": "Lead"}}},
        ],
    }


def renewal(contents: dict[str, Content], subscription: SubscriptionType) -> dict[str, Any]:
    """Paused, with people in the queue."""
    return {
        "name": "Renewal reminder for members in Norway",
        "description": "Asks members to renew. Paused while the new prices are settled.",
        "email": {**SENDER, "subscription_type": subscription.pk},
        "success": [{"name": "Renewed", "criteria": _stage("Evangelist")}],
        "triggers": [
            {
                "kind": "schedule",
                "criteria": {"all": [_stage("Customer"), {"property": "country", "operator": "eq", "value": "Norway"}]},
                "schedule": {"frequency": "weekly", "weekdays": ["tuesday", "friday"], "times": ["07:30"]},
            }
        ],
        "steps": [_wait(2), _send("", contents["Time to renew"]), _wait(30)],
    }


def catalogue(contents: dict[str, Content], subscription: SubscriptionType) -> dict[str, Any]:
    """Not running, and two problems say why it cannot."""
    return {
        "name": "Björnö spring catalogue",
        "description": "For everyone, on the first of March. Not finished.",
        "email": {**SENDER, "subscription_type": subscription.pk},
        "triggers": [
            {
                "kind": "schedule",
                "criteria": None,
                "schedule": {"frequency": "yearly", "month": 3, "day": 1, "times": ["10:00"]},
            }
        ],
        "steps": [_send("The catalogue", contents[DRAFT]), _wait(5)],
    }


def _stage(name: str) -> dict[str, Any]:
    return {"property": "lifecycle_stage", "operator": "eq", "value": name}


def _send(name: str, content: Content) -> dict[str, Any]:
    return {"kind": "send_email", "name": name, "settings": {"content": content.pk}}


def _wait(days: int) -> dict[str, Any]:
    return {"kind": "wait", "settings": {"amount": days, "unit": "days"}}


def _branch(interest: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
    criteria = {"property": INTEREST, "operator": "eq", "value": interest}
    return {"name": interest, "criteria": criteria, "steps": steps}
