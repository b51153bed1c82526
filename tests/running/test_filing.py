"""Folders of flows, and which flow lies where."""

import pytest

from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import Account, History
from accounts.tenancy import account_scope
from flows import folders
from flows.models import Flow, FlowStatus, Folder
from running import copying, filing
from tests import make


def test_a_flow_is_filed_and_taken_out_again(in_acme: Account, owner: Actor) -> None:
    flow, folder = make.make_flow(), folders.create("Membership", by=owner)
    assert filing.file(in_acme.pk, flow.pk, folder.pk, by=owner).folder == folder
    assert Flow.objects.get(pk=flow.pk).folder_id == folder.pk
    filing.file(in_acme.pk, flow.pk, None, by=owner)
    after = Flow.objects.get(pk=flow.pk)
    assert (after.folder_id, after.revision) == (None, flow.revision)
    said = list(History.objects.filter(verb="filed").order_by("pk").values_list("detail__folder", flat=True))
    assert said == ["Membership", None]


def test_a_running_flow_stays_where_it_is(in_acme: Account, owner: Actor) -> None:
    flow, folder = make.make_flow(status=FlowStatus.RUNNING), folders.create("Membership", by=owner)
    with pytest.raises(NotAllowed, match="Pause the flow first"):
        filing.file(in_acme.pk, flow.pk, folder.pk, by=owner)
    assert Flow.objects.get(pk=flow.pk).folder_id is None


def test_a_folder_of_another_account_takes_nothing(acme: Account, globex: Account, owner: Actor) -> None:
    with account_scope(globex.pk):
        theirs = Folder.objects.create(name="Theirs")
    with account_scope(acme.pk):
        flow = make.make_flow()
    with pytest.raises(Folder.DoesNotExist):
        filing.file(acme.pk, flow.pk, theirs.pk, by=owner)


def test_a_copy_lies_beside_its_original(in_acme: Account, owner: Actor) -> None:
    folder = folders.create("Membership", by=owner)
    flow = make.make_flow(folder=folder)
    made = copying.copy(in_acme.pk, flow.pk, by=owner)
    assert Flow.objects.get(pk=made.pk).folder_id == folder.pk


def test_a_folder_has_a_name_of_its_own_in_its_place(in_acme: Account, owner: Actor) -> None:
    top = folders.create("  Membership\n 2026 ", by=owner)
    assert top.name == "Membership 2026"
    for wrong in ("", " \x00 ", "x" * 121, "Membership 2026"):
        with pytest.raises(folders.InvalidName):
            folders.create(wrong, by=owner)
    inside = folders.create("Membership 2026", parent=top, by=owner)
    other = folders.create("Other", by=owner)
    with pytest.raises(folders.InvalidName, match="already"):
        folders.rename(other, "Membership 2026", by=owner)
    folders.rename(inside, "Renewals", by=owner)
    assert [each.name for each in folders.path_to(inside.pk, folders.everything())] == ["Membership 2026", "Renewals"]
    assert folders.inside(top.pk, folders.everything()) == {top.pk, inside.pk}


def test_folders_lie_at_most_five_deep(in_acme: Account, owner: Actor) -> None:
    parent = None
    for number in range(folders.DEEPEST):
        parent = folders.create(f"Folder {number}", parent=parent, by=owner)
    with pytest.raises(NotAllowed, match="at most 5 deep"):
        folders.create("Too far down", parent=parent, by=owner)


def test_only_an_empty_folder_can_be_deleted(in_acme: Account, owner: Actor) -> None:
    top = folders.create("Top", by=owner)
    inner = folders.create("Inner", parent=top, by=owner)
    flow = make.make_flow(folder=inner)
    for full in (top, inner):
        with pytest.raises(NotAllowed, match="empty"):
            folders.delete(full, by=owner)
    Flow.objects.filter(pk=flow.pk).update(folder=None)
    folders.delete(inner, by=owner)
    folders.delete(top, by=owner)
    assert not Folder.objects.exists()


def test_of_two_who_delete_a_folder_one_finds_it_gone(in_acme: Account, owner: Actor) -> None:
    folder = folders.create("Top", by=owner)
    folders.delete(folder, by=owner)
    with pytest.raises(Folder.DoesNotExist):
        folders.delete(folder, by=owner)
    with pytest.raises(Folder.DoesNotExist):
        folders.create("Inner", parent=folder, by=owner)
