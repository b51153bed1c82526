"""Lists of records: found by name, folder and kind, looked through, filled by hand."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from accounts.rights import Right
from records import criteria, dynamic_lists, lists
from records.models import List, ListEntry, ListFolder, ListKind, Record
from records.refusals import Invalid
from records.used_by import users_of_list, users_of_lists
from scheduling.clock import now
from web.access import AccountRequest, account_view
from web.paging import newest_first, read_id
from web.record_rows import OFFERED, clean, records_of
from web.uses import linked

MOST_AT_ONCE = 1_000


@account_view()
@require_GET
def overview(request: AccountRequest) -> HttpResponse:
    """The lists of the account with their sizes, newest first; `?search=`, `?kind=` and `?folder=` narrow them."""
    search, kind = clean(request.GET.get("search")), request.GET.get("kind", "")
    folders = {each.pk: each for each in ListFolder.objects.order_by("name")}
    folder = folders.get(read_id(request.GET.get("folder")) or 0)
    found: QuerySet[List] = List.objects.filter(is_hidden=False).select_related("object_type", "folder")
    if search:
        found = found.filter(name__icontains=search)
    if kind in ListKind.values:
        found = found.filter(kind=kind)
    if folder:
        found = found.filter(folder=folder)
    page, moment = newest_first(found, request.GET), now()
    shown = [each.pk for each in page.rows]
    sizes, users = lists.sizes(shown), users_of_lists(shown)
    rows = [
        {
            "list": each,
            "size": sizes.get(each.pk, 0),
            "state": dynamic_lists.state(each, moment),
            "uses": len(users.get(each.pk, ())),
        }
        for each in page.rows
    ]
    context = {"place": "lists", "page": page, "rows": rows, "search": search, "kind": kind, "kinds": ListKind.choices}
    return render(request, "lists/list.html", {**context, "folders": list(folders.values()), "folder": folder})


@account_view()
@require_GET
def detail(request: AccountRequest, list_id: int) -> HttpResponse:
    """The records in a list, the latest made first; `?search=` finds others to put in."""
    chosen = find(list_id)
    search = clean(request.GET.get("search"))
    context = {
        **_head(chosen, "records"),
        "page": newest_first(_records_in(chosen), request.GET),
        "search": search,
        "offered": _offered(chosen, search),
    }
    return render(request, "lists/_offered.html" if request.htmx else "lists/detail.html", context)


@account_view()
@require_GET
def used_by(request: AccountRequest, list_id: int) -> HttpResponse:
    """The flows, lists and imports that use a list."""
    chosen = find(list_id)
    return render(
        request, "lists/used_by.html", {**_head(chosen, "used_by"), "uses": linked(users_of_list(chosen), request)}
    )


@account_view()
@require_GET
def state(request: AccountRequest, list_id: int) -> HttpResponse:
    """How far the evaluation of a list is; once it is over, the page is loaded anew."""
    head = _head(find(list_id), "records")
    if not head["is_busy"]:
        return HttpResponseClientRefresh()
    return render(request, "lists/_state.html", head)


@account_view(right=Right.EDIT_CONTENT)
@require_POST
def add(request: AccountRequest, list_id: int) -> HttpResponse:
    """Put the chosen records into a list."""
    return _put(request, find(list_id))


@account_view(right=Right.EDIT_CONTENT)
@require_POST
def remove(request: AccountRequest, list_id: int) -> HttpResponse:
    """Take the chosen records out of a list; the records stay."""
    chosen = find(list_id)
    try:
        gone = lists.remove(chosen, _chosen_records(request))
    except Invalid as invalid:
        messages.error(request, invalid.errors[0].message)
    else:
        said = ngettext("%(n)s record was taken off the list.", "%(n)s records were taken off the list.", gone)
        messages.success(request, said % {"n": gone})
    return redirect("web:list", request.account.slug, chosen.pk)


def find(list_id: int) -> List:
    """A list of the account that pages show; raises Http404."""
    shown = List.objects.filter(is_hidden=False).select_related("object_type", "folder")
    found: List = get_object_or_404(shown, pk=list_id)
    return found


def _head(chosen: List, tab: str) -> dict[str, object]:
    """What every page of a list shows."""
    where = dynamic_lists.state(chosen, now())
    sentence = criteria.describe_all([chosen.criteria], chosen.object_type)[0] if chosen.criteria is not None else ""
    return {
        "place": "lists",
        "list": chosen,
        "tab": tab,
        "size": lists.size(chosen),
        "is_static": chosen.kind == ListKind.STATIC,
        "state": where,
        "is_busy": where.is_waiting or where.is_under_way,
        "sentence": sentence,
    }


def _put(request: AccountRequest, chosen: List) -> HttpResponse:
    try:
        added = lists.add(chosen, _chosen_records(request))
    except Invalid as invalid:
        messages.error(request, invalid.errors[0].message)
    else:
        said = ngettext(
            "%(n)s record was put on the list %(name)s.", "%(n)s records were put on the list %(name)s.", added
        )
        messages.success(request, said % {"n": added, "name": chosen.name} if added else _("They are on it already."))
    return redirect("web:list", request.account.slug, chosen.pk)


def _chosen_records(request: AccountRequest) -> list[int]:
    ids = [read_id(each) for each in request.POST.getlist("record")[:MOST_AT_ONCE]]
    return [each for each in ids if each is not None]


def _records_in(chosen: List) -> QuerySet[Record]:
    entries = ListEntry.objects.filter(list=chosen).values("record_id")
    found: QuerySet[Record] = Record.objects.filter(pk__in=entries)
    return found


def _offered(chosen: List, search: str) -> list[Record]:
    """Records that could be put in: of the list's type, found by `search`, and not in it."""
    if not search:
        return []
    entries = ListEntry.objects.filter(list=chosen).values("record_id")
    return list(records_of(chosen.object_type, search).exclude(pk__in=entries).order_by("-pk")[:OFFERED])
