"""Lists of records: made by name, filled by hand, looked through."""

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.rights import Right
from records import lists
from records.models import List, ListEntry, ListKind, ObjectType, Record
from records.refusals import Invalid
from web.access import AccountRequest, account_view
from web.paging import newest_first, read_id
from web.record_rows import OFFERED, clean, records_of

MOST_AT_ONCE = 1_000


@account_view()
@require_GET
def overview(request: AccountRequest) -> HttpResponse:
    """The lists of the account with how many are in each, newest first; `?search=` narrows them."""
    search = clean(request.GET.get("search"))
    found: QuerySet[List] = List.objects.select_related("object_type")
    if search:
        found = found.filter(name__icontains=search)
    page = newest_first(found, request.GET)
    sizes = _sizes(page.rows)
    rows = [{"list": each, "size": sizes.get(each.pk, 0)} for each in page.rows]
    return render(request, "lists/list.html", {"place": "lists", "page": page, "rows": rows, "search": search})


@account_view(right=Right.EDIT_CONTENT)
@require_http_methods(["GET", "POST"])
def create(request: AccountRequest) -> HttpResponse:
    """Make a static list by name, to be filled by hand."""
    object_types = ObjectType.objects.order_by("pk")
    context = {"place": "lists", "object_types": object_types, "name": request.POST.get("name", ""), "error": ""}
    if request.method == "POST":
        object_type = get_object_or_404(ObjectType, key=request.POST.get("object_type", "contact"))
        try:
            made = lists.create_static(context["name"], object_type)
        except Invalid as invalid:
            context["error"] = invalid.errors[0].message
            return render(request, "lists/new.html", context, status=422)
        return redirect("web:list", request.account.slug, made.pk)
    return render(request, "lists/new.html", context)


@account_view()
@require_GET
def detail(request: AccountRequest, list_id: int) -> HttpResponse:
    """The records in a list, the latest made first; `?search=` finds others to put in."""
    chosen = _find(list_id)
    page = newest_first(_records_in(chosen), request.GET)
    search = clean(request.GET.get("search"))
    context = {
        "place": "lists",
        "list": chosen,
        "page": page,
        "size": lists.size(chosen),
        "is_static": chosen.kind == ListKind.STATIC,
        "search": search,
        "offered": _offered(chosen, search),
    }
    return render(request, "lists/_offered.html" if request.htmx else "lists/detail.html", context)


@account_view(right=Right.EDIT_CONTENT)
@require_POST
def rename(request: AccountRequest, list_id: int) -> HttpResponse:
    """Give a list another name."""
    chosen = _find(list_id)
    try:
        lists.rename(chosen, request.POST.get("name", ""))
    except Invalid as invalid:
        messages.error(request, invalid.errors[0].message)
    return redirect("web:list", request.account.slug, chosen.pk)


@account_view(right=Right.EDIT_CONTENT)
@require_POST
def add(request: AccountRequest, list_id: int) -> HttpResponse:
    """Put the chosen records into a list."""
    chosen = _find(list_id)
    return _put(request, chosen)


@account_view(right=Right.EDIT_CONTENT)
@require_POST
def add_to_chosen(request: AccountRequest) -> HttpResponse:
    """Put the chosen records into the list that the form names."""
    chosen = _find(read_id(request.POST.get("list")) or 0)
    return _put(request, chosen)


@account_view(right=Right.EDIT_CONTENT)
@require_POST
def remove(request: AccountRequest, list_id: int) -> HttpResponse:
    """Take the chosen records out of a list; the records stay."""
    chosen = _find(list_id)
    try:
        gone = lists.remove(chosen, _chosen_records(request))
    except Invalid as invalid:
        messages.error(request, invalid.errors[0].message)
    else:
        said = ngettext("%(n)s record was taken off the list.", "%(n)s records were taken off the list.", gone)
        messages.success(request, said % {"n": gone})
    return redirect("web:list", request.account.slug, chosen.pk)


def _find(list_id: int) -> List:
    found: List = get_object_or_404(List.objects.select_related("object_type"), pk=list_id)
    return found


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


def _sizes(shown: list[List]) -> dict[int, int]:
    """How many records are in each, in one query."""
    counted = ListEntry.objects.filter(list__in=shown).values("list_id").annotate(n=Count("record_id"))
    return {each["list_id"]: each["n"] for each in counted}
