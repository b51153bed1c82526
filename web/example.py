"""What the demo account begins with: a few people, a list of them, an e-mail, and a flow that is ready to turn on."""

from typing import Any, Final

from accounts.actors import Actor
from accounts.tenancy import account_scope
from flows.models import Flow
from messaging.models import Content, SubscriptionType
from records import lists
from records.models import ObjectType, Record
from records.upserts import IMPORT, upsert
from running import editing

PEOPLE: Final = (
    ("Käthe", "Ångström", "kathe.angstrom@larktradgarden.example", "Malmö", "Sweden", "Customer"),
    ("Bjørn-Erik", "Østergård-Mikkelsen", "bjorn.erik@alesund.example", "Ålesund", "Norway", "Customer"),
    ("Linnéa", "Öberg", "linnea.oberg@umea.example", "Umeå", "Sweden", "Lead"),
    ("Søren", "Kjærgaard", "soren.kjaergaard@aarhus.example", "Aarhus", "Denmark", "Customer"),
    ("Aino", "Hämäläinen", "aino.hamalainen@tampere.example", "Tampere", "Finland", "Lead"),
    ("Maja", "Nyström", "maja.nystrom@havrevik.example", "Oslo", "Norway", "Subscriber"),
    ("Øyvind", "Sæther-Bråthen", "oyvind.saether@havrevik.example", "Volda", "Norway", "Customer"),
    ("Wilhelmina", "von Essen-Stiernhielm", "wilhelmina@odesjo.example", "Uppsala", "Sweden", "Opportunity"),
)
LIST: Final = "Winter programme"
SUBJECT: Final = 'Hi {{ first_name | default: "there" }}, which of these do you like best?'
HTML: Final = """\
<h1>Hi {{ first_name | default: "there" }}!</h1>
<p>So good to have you with us. Tell us what you like best, and we will only write about that.</p>
<p><a href="https://havrevik.example/winter">See the winter programme</a></p>
<p>See you in the mountains,<br>Maja at Havrevik</p>
"""


def fill(account_id: int, *, by: Actor) -> bool:
    """Fill the account if nobody has put anything in it; False when there was something."""
    with account_scope(account_id):
        if Flow.objects.exists() or Record.objects.exists():
            return False
        _add_people()
        content = Content.objects.create(name="Winter season welcome", subject=SUBJECT, html=HTML)
        subscription = SubscriptionType.objects.order_by("pk").first()
    editing.create(account_id, _flow(content, subscription), by=by)
    return True


def _add_people() -> None:
    contact = ObjectType.objects.get(key="contact")
    keys = ("first_name", "last_name", "email", "city", "country", "lifecycle_stage")
    rows = [{"properties": dict(zip(keys, person, strict=True)), "consent": "given"} for person in PEOPLE]
    results = upsert(contact, rows, match_on="email", source=IMPORT)
    winter = lists.create_static(LIST, contact)
    lists.add(winter, [result.id for result in results if result.id], with_events=False)


def _flow(content: Content, subscription: SubscriptionType | None) -> dict[str, Any]:
    return {
        "name": "Winter season welcome",
        "description": "A welcome on the last working day of each month, and a second look three days later.",
        "email": {
            "sender_name": "Havrevik Friluft",
            "sender_address": "hei@havrevik.example",
            "reply_address": "hei@havrevik.example",
            "subscription_type": subscription.pk if subscription else None,
        },
        "triggers": [
            {
                "kind": "schedule",
                "criteria": {"property": "lifecycle_stage", "operator": "eq", "value": "Customer"},
                "schedule": {
                    "frequency": "monthly",
                    "flexible": {"ordinal": "last", "day": "working_day"},
                    "times": ["09:00"],
                },
            }
        ],
        "steps": [
            {"kind": "send_email", "name": "Welcome", "settings": {"content": content.pk}},
            {"kind": "wait", "settings": {"amount": 3, "unit": "days"}},
            {"kind": "update_record", "settings": {"values": {"lifecycle_stage": "Evangelist"}}},
        ],
    }
