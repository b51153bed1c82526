"""Folders of flows on the pages: making, renaming, filling, deleting."""

from django.test import Client

from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus, Folder
from tests.make import make_flow
from tests.web.conftest import Browsers
from tests.web.test_flows import flow, names, page

__all__ = ["flow"]  # a fixture


def test_a_folder_is_made_renamed_filled_and_deleted(member: Client, acme: Account, flow: Flow) -> None:
    asked = page(member, "/acme/flows/folders/new/")
    assert "New folder" in asked and 'name="name"' in asked
    opened = member.post("/acme/flows/folders/new/", {"name": "Membership"})["Location"]
    with account_scope(acme.pk):
        folder = Folder.objects.get()
    assert opened == f"/acme/flows/?folder={folder.pk}"
    assert "No flows in this folder" in page(member, opened)
    member.post(f"/acme/flows/folders/{folder.pk}/rename/", {"name": "Members"})
    assert member.post(f"/acme/flows/{flow.pk}/folder/", {"folder": folder.pk})["Location"] == f"/acme/flows/{flow.pk}/"
    inside = page(member, opened)
    assert "Welcome" in inside and "Members" in inside and 'class="folder"' in page(member)
    refused = member.post(f"/acme/flows/folders/{folder.pk}/delete/")
    assert refused.status_code == 409 and "Only an empty folder" in refused.content.decode()
    member.post(f"/acme/flows/{flow.pk}/folder/", {"folder": ""})
    assert member.post(f"/acme/flows/folders/{folder.pk}/delete/")["Location"] == "/acme/flows/"
    assert member.get(opened).status_code == 404


def test_a_folder_lists_what_lies_in_its_folders_too(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        top = Folder.objects.create(name="Top")
        inner = Folder.objects.create(name="Inner", parent=top)
        make_flow(["wait 2 days"], name="Deep", folder=inner)
        make_flow(["wait 2 days"], name="Loose")
    assert names(member, "") == ["Deep", "Loose"] and names(member, f"?folder={top.pk}") == ["Deep"]
    shown = member.get(f"/acme/flows/?folder={top.pk}")
    assert [(each["folder"].name, each["flows"]) for each in shown.context["folders"]] == [("Inner", 1)]
    assert "Top" in page(member, f"/acme/flows/?folder={inner.pk}")


def test_a_name_that_a_folder_cannot_have_is_told_beside_the_field(member: Client) -> None:
    member.post("/acme/flows/folders/new/", {"name": "Membership"})
    for name, says in (("", "Write a name."), ("Membership", "There is a folder"), ("x" * 121, "at most 120")):
        answer = member.post("/acme/flows/folders/new/", {"name": name})
        assert answer.status_code == 422 and says in answer.content.decode()


def test_only_who_may_edit_flows_changes_folders(acme: Account, browser_of: Browsers, flow: Flow) -> None:
    with account_scope(acme.pk):
        folder = Folder.objects.create(name="Membership")
    marketer = browser_of(acme, Role.MARKETER)
    assert "Add folder" not in page(marketer)
    for address in ("folders/new/", f"folders/{folder.pk}/rename/", f"folders/{folder.pk}/delete/"):
        assert marketer.post(f"/acme/flows/{address}", {"name": "x"}).status_code == 403
    assert marketer.post(f"/acme/flows/{flow.pk}/folder/", {"folder": folder.pk}).status_code == 403


def test_a_running_flow_is_not_moved(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        Flow.objects.filter(pk=flow.pk).update(status=FlowStatus.RUNNING)
    answer = member.post(f"/acme/flows/{flow.pk}/folder/", {"folder": ""})
    assert answer.status_code == 409 and "Pause the flow first" in answer.content.decode()
    gone = member.post(f"/acme/flows/{flow.pk}/folder/", {"folder": "999999"})
    assert gone.status_code == 422 and "That folder is gone" in gone.content.decode()
