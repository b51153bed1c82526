"""The example: a small Nordic outdoor shop with people, lists, e-mails and three flows, and taking it away again."""

from typing import Any, Final

from accounts.actors import Actor
from accounts.history import record
from accounts.models import Account, History
from accounts.tenancy import account_scope
from flows import folders
from flows.models import ExclusionList, Flow, FlowStatus, Folder
from messaging.models import Content, Message, SubscriptionType
from participants.models import Participant
from records import list_entries, lists
from records.models import Event, List, ObjectType, PropertyType, Record
from records.schema import add_property
from records.upserts import IMPORT, upsert
from running import deletion, editing, ending, filing, verbs
from running.contents import flows_sending
from web import example_flows, example_past, example_people

MADE: Final = "example_made"  # the verb of the history row that says what belongs to the example
CROWD: Final = ((1, 46, "Subscriber", True), (2, 40, "Customer", True), (3, 30, "Lead", True), (4, 8, "Other", False))
STAFF: Final = 5


def fill(account_id: int, *, by: Actor) -> bool:
    """Fill the demo account if nobody has put anything in it; False when there was something, or it is no demo."""
    with account_scope(account_id):
        account = Account.objects.get(pk=account_id)
        if not account.is_demo or Flow.objects.exists() or Record.objects.exists():
            return False
        last = _last_record()
    with example_past.three_weeks_ago() as present:
        made, flows = _make(account_id, by=by)
        example_past.live(account_id, flows[0], flows[1], until=present, by=by)
    example_past.come_in(account_id, flows[0], by=by)
    with account_scope(account_id):
        record(account, MADE, by=by, detail={**made, "records": [last + 1, _last_record()]})
    return True


def _make(account_id: int, *, by: Actor) -> tuple[dict[str, list[int]], list[Flow]]:
    """People, lists, e-mails, folders and the three flows; what was made, and the flows."""
    with account_scope(account_id):
        _add_people()
        made_lists = _add_lists()
        contents = example_flows.make_contents()
        subscription = SubscriptionType.objects.order_by("pk").first()
        if subscription is None:
            subscription = SubscriptionType.objects.create(name="Nordic newsletter")
        journeys, campaigns = (folders.create(name, by=by) for name in ("Customer journeys", "Campaigns"))
    documents = (
        example_flows.welcome(contents, subscription, staff=made_lists[1], winter=made_lists[0]),
        example_flows.renewal(contents, subscription),
        example_flows.catalogue(contents, subscription),
    )
    flows = [editing.create(account_id, document, by=by) for document in documents]
    for flow, folder in zip(flows, (journeys, journeys, campaigns), strict=True):
        filing.file(account_id, flow.pk, folder.pk, by=by)
    made = {
        "flows": [flow.pk for flow in flows],
        "contents": [content.pk for content in contents.values()],
        "lists": [each.pk for each in made_lists],
        "folders": [journeys.pk, campaigns.pk],
    }
    return made, flows


def remove(account_id: int, *, by: Actor) -> None:
    """Take away what the example brought, on the real paths; what members have made themselves stays.

    The account is an ordinary one after that. A content or a list that somebody's own flow uses stays as well.
    """
    with account_scope(account_id):
        account = Account.objects.get(pk=account_id)
        made = _made(account)
        own = list(Flow.objects.filter(pk__in=made.get("flows", [])).values_list("pk", "status"))
    for flow_id, status in own:
        if status != FlowStatus.NOT_RUNNING:
            verbs.end(account_id, flow_id, by=by)
        while ending.finish(account_id, flow_id):
            pass
        verbs.delete(account_id, flow_id, by=by)
        while deletion.purge(account_id, flow_id):  # who still walks would keep their record
            pass
    with account_scope(account_id):
        _remove_things(made)
        Account.objects.filter(pk=account_id).update(is_demo=False)
        record(account, "example_removed", by=by)


def _remove_things(made: dict[str, Any]) -> None:
    contents = made.get("contents", [])
    used = {content_id for content_id, flows in flows_sending(contents).items() if flows}
    Content.objects.filter(pk__in=set(contents) - used).delete()
    excluding = ExclusionList.objects.filter(list_id__in=made.get("lists", [])).values_list("list_id", flat=True)
    List.objects.filter(pk__in=set(made.get("lists", [])) - set(excluding)).delete()
    filled = Flow.objects.filter(folder__in=made.get("folders", [])).values_list("folder", flat=True)
    Folder.objects.filter(pk__in=set(made.get("folders", [])) - set(filled)).delete()
    Message.objects.filter(flow_id__in=made.get("flows", [])).delete()
    first, last = made.get("records", [0, 0])
    people = Record.objects.filter(pk__gte=first, pk__lte=last, email__endswith="@example.com")
    walking = Participant.objects.filter(record__in=people).values("record_id")
    written_to = Message.objects.filter(record__in=people).values("record_id")
    gone = list(people.exclude(pk__in=walking).exclude(pk__in=written_to).values_list("pk", flat=True))
    Event.objects.filter(record_id__in=gone).delete()
    list_entries.remove_everywhere(gone)
    Record.objects.filter(pk__in=gone).delete()


def _made(account: Account) -> dict[str, Any]:
    rows = History.objects.filter(subject="account", subject_id=account.pk, verb=MADE).order_by("-pk")
    found = rows.values_list("detail", flat=True).first()
    return dict(found or {})


def _add_people() -> None:
    contact = ObjectType.objects.get(key="contact")
    if not contact.properties.filter(key=example_people.INTEREST).exists():
        add_property(
            contact, example_people.INTEREST, "Likes best", PropertyType.CHOICE, list(example_people.INTERESTS)
        )
    rows = [
        row
        for seed, amount, stage, consent in CROWD
        for row in example_people.make(amount, stage=stage, seed=seed, consent=consent)
    ]
    upsert(contact, rows, match_on="email", source=IMPORT)


def _add_lists() -> tuple[List, List, List]:
    """Those who get the winter programme, staff who get none of it, and the shop's regulars in Bergen."""
    contact = ObjectType.objects.get(key="contact")
    winter = lists.create_static("Winter people", contact)
    staff = lists.create_static("Staff and partners", contact)
    regulars = lists.create_static("Regulars in Bergen", contact)
    ids = Record.objects.order_by("pk").values_list("pk", flat=True)
    lists.add(staff, ids.filter(properties__lifecycle_stage="Subscriber")[:STAFF], with_events=False)
    lists.add(regulars, ids.filter(properties__city="Bergen"), with_events=False)
    return winter, staff, regulars


def _last_record() -> int:
    return int(Record.objects.order_by("-pk").values_list("pk", flat=True).first() or 0)
