"""Every address of the pages, visited as a member, as a stranger from the other account, and as nobody."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from accounts import invitations
from accounts.actors import Actor
from accounts.models import Account, Member
from accounts.rights import Right, Role, allowed
from accounts.sign_in import make_key
from accounts.tenancy import account_scope, current_account_id
from flows.models import FlowStatus, Folder
from records.associations import associate_many
from records.models import Import, ListFolder, Property
from records.object_types import create_object_type
from tests.make import make_contact, make_content, make_flow, make_list, make_participant, steps_of
from tests.web.conftest import Browsers, make_person
from tests.web.test_inbox import put_mail
from web.urls import urlpatterns

LOGIN = "/login/?next="


@dataclass
class Visit:
    """What an address of an account takes: the rest of its arguments, its method, and what a member gets."""

    arguments: list[object] = field(default_factory=list)
    method: str = "get"
    answer: int = 200
    query: str = ""
    data: dict[str, str] = field(default_factory=dict)
    right: Right = Right.SEE


@pytest.fixture
def visits(acme: Account, tmp_path: Path, settings) -> dict[str, Visit]:  # type: ignore[no-untyped-def]
    """One visit for each address that begins with an account."""
    settings.INBOX_DIR = str(tmp_path)
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"])
        running = make_flow(["wait 2 days"], schedule={"frequency": "daily"}, status=FlowStatus.RUNNING)
        leaving, erased = (make_participant(running, step=steps_of(running)[0]).pk for _ in range(2))
        other = make_flow(["wait 2 days"])
        Account.objects.filter(pk=acme.pk).update(is_demo=True)
        folder, empty = (Folder.objects.create(name=name).pk for name in ("Membership", "Empty"))
        step = steps_of(flow)[0].pk
        record, content, unused = make_contact(), make_content(), make_content("Unused")
        beside = make_contact()
        associate_many([(record.pk, beside.pk)])
        some, drawer = make_list(records=[record]), ListFolder.objects.create(name="Customers")
        coming = Import.objects.create(
            name="Fair", object_type=record.object_type, mapping={}, encoding="utf-8", delimiter=","
        )
        property, kind = Property.objects.filter(object_type=record.object_type).latest("pk").pk, make_own_type()
        member = Member.objects.create(user=make_person()).pk
        key = make_key("Shop", Role.VIEWER)[0].pk
        again, withdrawn = (
            invitations.invite(f"{n}@example.com", Role.VIEWER, by=Actor.flyt(acme.pk))[0].pk for n in (1, 2)
        )
    mail = put_mail(tmp_path, acme)
    return {
        "flows": Visit(),
        "flow": Visit([flow.pk]),
        "toggle": Visit([flow.pk], method="post", answer=302, right=Right.OPERATE),
        "flow_chart": Visit([flow.pk]),
        "flow_contents": Visit([flow.pk]),
        "flow_log": Visit([flow.pk]),
        "participants": Visit([flow.pk]),
        "participant": Visit([running.pk, leaving]),
        "participant_menu": Visit([running.pk, leaving]),
        "enrol": Visit([running.pk], method="post", right=Right.OPERATE),
        "enrol_list": Visit([running.pk], query=f"?list={some.pk}", right=Right.OPERATE),
        "leave": Visit([running.pk, leaving], method="post", answer=302, right=Right.OPERATE),
        "erase": Visit([running.pk, erased], method="post", answer=302, right=Right.EDIT_FLOWS),
        "leave_chosen": Visit([running.pk], method="post", answer=302, right=Right.OPERATE),
        "erase_chosen": Visit([running.pk], method="post", answer=302, right=Right.EDIT_FLOWS),
        "runs": Visit([flow.pk]),
        "run_now": Visit([running.pk], method="post", data={"key": "1"}, answer=302, right=Right.OPERATE),
        "skip_next": Visit([running.pk], method="post", answer=302, right=Right.OPERATE),
        "review": Visit([flow.pk]),
        "review_list": Visit([running.pk], method="post", answer=302, right=Right.EDIT_CONTENT),
        "turn_on": Visit([other.pk], method="post", answer=302, right=Right.OPERATE),
        "copy_flow": Visit([other.pk], method="post", answer=302, right=Right.EDIT_FLOWS),
        "file_flow": Visit([flow.pk], method="post", data={"folder": ""}, answer=302, right=Right.EDIT_FLOWS),
        "end_flow": Visit([other.pk], method="post", answer=302, right=Right.EDIT_FLOWS),
        "delete_flow": Visit([other.pk], method="post", answer=302, right=Right.EDIT_FLOWS),
        "new_folder": Visit(method="post", data={"name": "New"}, answer=302, right=Right.EDIT_FLOWS),
        "rename_folder": Visit([folder], method="post", data={"name": "Old"}, answer=302, right=Right.EDIT_FLOWS),
        "delete_folder": Visit([empty], method="post", answer=302, right=Right.EDIT_FLOWS),
        "search": Visit(query="?q=flow"),
        "remove_example": Visit(method="post", answer=302, right=Right.ADMINISTER),
        "new_flow": Visit(right=Right.EDIT_FLOWS),
        "edit": Visit([flow.pk], query=f"?step={step}"),
        "edit_pause": Visit([flow.pk], method="post", answer=302, right=Right.EDIT_FLOWS),
        # A form without a revision changes nothing.
        "edit_steps": Visit(
            [flow.pk], method="post", answer=412, data={"insert": f"wait before-{step}"}, right=Right.EDIT_FLOWS
        ),
        "edit_step": Visit([flow.pk, step], method="post", answer=412, right=Right.EDIT_FLOWS),
        "edit_criteria": Visit([flow.pk], method="post", data={"builder": "filter"}),
        "edit_trigger": Visit([flow.pk]),
        "edit_trigger_preview": Visit([flow.pk], method="post"),
        "edit_email": Visit([flow.pk]),
        "edit_success": Visit([flow.pk]),
        "edit_settings": Visit([flow.pk]),
        "account_settings": Visit(right=Right.ADMINISTER),
        "members": Visit(right=Right.ADMINISTER),
        "invite": Visit(method="post", answer=422, right=Right.ADMINISTER),
        "invite_again": Visit([again], method="post", answer=302, right=Right.ADMINISTER),
        "withdraw": Visit([withdrawn], method="post", answer=302, right=Right.ADMINISTER),
        "change_role": Visit([member], method="post", answer=302, data={"role": "viewer"}, right=Right.ADMINISTER),
        "remove_member": Visit([member], method="post", answer=302, right=Right.ADMINISTER),
        "keys": Visit(right=Right.ADMINISTER),
        "new_key": Visit(method="post", answer=422, right=Right.ADMINISTER),
        "revoke_key": Visit([key], method="post", answer=302, right=Right.ADMINISTER),
        "contents": Visit(),
        "content_new": Visit(right=Right.EDIT_CONTENT),
        "content": Visit([content.pk]),
        "content_save": Visit(
            [content.pk], method="post", answer=302, data={"overwrite": "1"}, right=Right.EDIT_CONTENT
        ),
        "content_copy": Visit([content.pk], method="post", answer=302, right=Right.EDIT_CONTENT),
        "content_delete": Visit([unused.pk], method="post", answer=302, right=Right.EDIT_CONTENT),
        "content_preview": Visit([content.pk], method="post"),
        "content_people": Visit([content.pk]),
        "content_letter": Visit([content.pk]),
        "content_test": Visit([content.pk], method="post", answer=422, right=Right.EDIT_CONTENT),
        "records": Visit(),
        "record": Visit([record.pk]),
        "record_new": Visit(right=Right.EDIT_CONTENT),
        "records_export": Visit(right=Right.ADMINISTER),
        "records_filter": Visit(),
        "records_filter_draft": Visit(method="post"),
        "records_filter_count": Visit(method="post"),
        "records_count": Visit(),
        "records_columns": Visit(method="post", answer=302),
        "records_to_list": Visit(query="?all=1", right=Right.EDIT_CONTENT),
        "record_associations": Visit([record.pk]),
        "record_association": Visit([record.pk, beside.pk], method="post", answer=302, right=Right.EDIT_CONTENT),
        "record_flows": Visit([record.pk]),
        "record_messages": Visit([record.pk]),
        "record_lists": Visit([record.pk]),
        "record_archive": Visit([record.pk], right=Right.EDIT_CONTENT),
        "record_restore": Visit([record.pk], method="post", answer=302, right=Right.EDIT_CONTENT),
        "record_erase": Visit([record.pk], right=Right.EDIT_FLOWS),
        "records_archive": Visit(method="post", answer=302, right=Right.EDIT_CONTENT),
        "records_restore": Visit(method="post", answer=302, right=Right.EDIT_CONTENT),
        "records_erase": Visit(right=Right.EDIT_FLOWS),
        "record_edit": Visit([record.pk], right=Right.EDIT_CONTENT),
        "lists": Visit(),
        "list_new": Visit(right=Right.EDIT_CONTENT),
        "list": Visit([some.pk]),
        "list_draft": Visit(method="post", right=Right.EDIT_CONTENT),
        "list_count": Visit(method="post", right=Right.EDIT_CONTENT),
        "list_state": Visit([some.pk]),
        "list_used_by": Visit([some.pk]),
        "list_edit": Visit([some.pk], right=Right.EDIT_CONTENT),
        "list_freeze": Visit([some.pk], right=Right.EDIT_CONTENT),
        "list_delete": Visit([some.pk], right=Right.EDIT_CONTENT),
        "list_folder_new": Visit(right=Right.EDIT_CONTENT),
        "list_folder_rename": Visit([drawer.pk], right=Right.EDIT_CONTENT),
        "list_folder_delete": Visit([drawer.pk], right=Right.EDIT_CONTENT),
        "list_add": Visit([some.pk], method="post", answer=302, right=Right.EDIT_CONTENT),
        "list_remove": Visit([some.pk], method="post", answer=302, right=Right.EDIT_CONTENT),
        "imports": Visit(),
        "import_upload": Visit(method="post", answer=422, right=Right.EDIT_CONTENT),
        "import": Visit([coming.pk]),
        "import_read": Visit([coming.pk], method="post", answer=302, right=Right.EDIT_CONTENT),
        "import_settle": Visit([coming.pk], method="post", answer=302, right=Right.EDIT_CONTENT),
        "import_start": Visit([coming.pk], method="post", answer=302, right=Right.EDIT_CONTENT),
        "import_discard": Visit([coming.pk], method="post", answer=302, right=Right.EDIT_CONTENT),
        "import_progress": Visit([coming.pk]),
        "import_refused": Visit([coming.pk]),
        "import_stop": Visit([coming.pk], method="post", answer=302, right=Right.EDIT_CONTENT),
        "properties": Visit(right=Right.EDIT_SCHEMA),
        "property_new": Visit(right=Right.EDIT_SCHEMA),
        "property": Visit([property], right=Right.EDIT_SCHEMA),
        "property_archive": Visit([property], right=Right.EDIT_SCHEMA),
        "property_restore": Visit([property], method="post", answer=302, right=Right.EDIT_SCHEMA),
        "object_types": Visit(right=Right.EDIT_SCHEMA),
        "object_type_new": Visit(right=Right.EDIT_SCHEMA),
        "object_type_rename": Visit([kind], right=Right.EDIT_SCHEMA),
        "object_type_archive": Visit([kind], right=Right.EDIT_SCHEMA),
        "object_type_restore": Visit([kind], method="post", answer=302, right=Right.EDIT_SCHEMA),
        "inbox": Visit(),
        "inbox_read": Visit(method="post", answer=302),
        "mail": Visit([mail]),
        "letter": Visit([mail]),
    }


def make_own_type() -> int:
    """An object type that the account made itself."""
    own: int = create_object_type("Boat", "Boats", by=Actor.flyt(current_account_id())).pk
    return own


PUBLIC = {"home", "click", "unsubscribe"}


def go(client: Client, name: str, visit: Visit, slug: str = "acme"):  # type: ignore[no-untyped-def]
    """Visit it."""
    address = reverse(f"web:{name}", args=[slug, *visit.arguments]) + visit.query
    return getattr(client, visit.method)(address, visit.data or None)


def test_every_address_is_either_public_or_visited_here(visits: dict[str, Visit]) -> None:
    assert {pattern.name for pattern in urlpatterns} == PUBLIC | visits.keys()


def test_a_member_gets_every_page(member: Client, visits: dict[str, Visit]) -> None:
    assert {name: go(member, name, visit).status_code for name, visit in visits.items()} == {
        name: visit.answer for name, visit in visits.items()
    }


def test_a_stranger_gets_404_everywhere(stranger: Client, visits: dict[str, Visit]) -> None:
    assert {go(stranger, name, visit).status_code for name, visit in visits.items()} == {404}


def test_a_stranger_finds_nothing_of_the_other_account_under_their_own(
    stranger: Client, visits: dict[str, Visit]
) -> None:
    with_ids = {name: visit for name, visit in visits.items() if visit.arguments}
    assert with_ids
    assert {go(stranger, name, visit, "globex").status_code for name, visit in with_ids.items()} == {404}


def test_nobody_is_sent_to_log_in_and_back(nobody: Client, visits: dict[str, Visit]) -> None:
    for name, visit in visits.items():
        answer = go(nobody, name, visit)
        assert answer.status_code == 302 and answer["Location"].startswith(LOGIN), name
    assert go(nobody, "flow", visits["flow"])["Location"] == f"{LOGIN}/acme/flows/{visits['flow'].arguments[0]}/"


def test_a_former_member_is_out_at_once(acme: Account, member: Client, visits: dict[str, Visit]) -> None:
    assert go(member, "flows", visits["flows"]).status_code == 200
    with account_scope(acme.pk):
        Member.objects.all().delete()
    assert go(member, "flows", visits["flows"]).status_code == 404


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MARKETER, Role.FLOW_ADMIN, Role.ADMIN])
def test_every_role_gets_what_it_has_the_right_to(
    acme: Account, browser_of: Browsers, visits: dict[str, Visit], role: str
) -> None:
    client = browser_of(acme, role)
    for name, visit in visits.items():
        expected = visit.answer if allowed(role, visit.right) else 403
        assert go(client, name, visit).status_code == expected, name


def test_an_unknown_address_is_a_page_of_ours(member: Client) -> None:
    answer = member.get("/acme/nothing/here/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_pages_are_never_kept_by_caches(member: Client) -> None:
    assert "no-store" in member.get("/acme/flows/")["Cache-Control"]
