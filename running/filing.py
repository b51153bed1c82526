"""Filing: which folder a flow lies in. Nothing of a running flow changes, its folder included."""

from django.utils.translation import gettext as _

from accounts import history
from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.tenancy import account_scope
from flows.locks import take_exclusive
from flows.models import Flow, FlowStatus, Folder


def file(account_id: int, flow_id: int, folder_id: int | None, *, by: Actor) -> Flow:
    """Move a flow into a folder, or out of all of them. Its revision stays: the folder is no part of the document.

    Opens its own durable scope. Raises `Flow.DoesNotExist`, `Folder.DoesNotExist`, or NotAllowed("running", "busy").
    """
    with account_scope(account_id, durable=True):
        take_exclusive(flow_id)
        flow: Flow = Flow.objects.get(pk=flow_id)
        # Locked, so that whoever deletes the folder at this moment waits and finds the flow in it, or is found done.
        folder = None if folder_id is None else Folder.objects.select_for_update().get(pk=folder_id)
        if flow.status == FlowStatus.RUNNING:
            raise NotAllowed("running", _("Pause the flow first: a running flow cannot be moved."), status=flow.status)
        if flow.folder_id != folder_id:
            Flow.objects.filter(pk=flow_id).update(folder=folder)
            flow.folder = folder
            history.record(flow, "filed", by=by, detail={"folder": folder.name if folder else None})
    return flow
