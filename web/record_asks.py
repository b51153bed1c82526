"""What is asked before records are archived or erased, one or those that were chosen; and taking them out again."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.history import NotAllowed
from accounts.rights import Right
from accounts.tenancy import account_scope
from records import editing, erasing, lists, matching, searching, tasks
from records.list_refresh import account_zone
from records.models import List, ListKind, Record
from records.refusals import Error, Invalid
from scheduling.clock import now
from web.access import AccountRequest, account_view, verb_view
from web.asking import ask
from web.paging import read_id
from web.record_forms import SOURCE
from web.record_rows import TOO_SLOW, find_record
from web.record_table import Table, filters_of
from web.templatetags.ui import number, record_name

MOST_AT_ONCE = 500  # more than a page shows
MOST_TOGETHER = 20_000


@account_view(right=Right.EDIT_CONTENT)
def archive(request: AccountRequest, record_id: int) -> HttpResponse:
    """GET asks, POST puts the record away."""
    record = find_record(record_id)
    if request.method != "POST":
        return ask(
            request,
            title=_("Archive %s?") % record_name(record),
            text=_("The record leaves its flows and is enrolled in none. Its story stays, and you can restore it."),
            verb=_("Archive record"),
            back=_page(request, record),
        )
    editing.archive([record.pk], by=request.actor, source=SOURCE)
    messages.success(request, _("%s is archived.") % record_name(record))
    return redirect(_page(request, record))


@account_view(right=Right.EDIT_CONTENT)
def restore(request: AccountRequest, record_id: int) -> HttpResponse:
    """GET asks, POST takes the record out again."""
    record = find_record(record_id)
    if request.method != "POST":
        return ask(
            request,
            title=_("Restore %s?") % record_name(record),
            text=_("The record may be enrolled again. The flows that it left do not go on."),
            verb=_("Restore record"),
            back=_page(request, record),
        )
    if editing.restore([record.pk], by=request.actor, source=SOURCE):
        messages.success(request, _("%s is back.") % record_name(record))
    return redirect(_page(request, record))


@verb_view(right=Right.EDIT_FLOWS)
def erase(request: AccountRequest, record_id: int) -> HttpResponse:
    """GET asks, POST deletes the record and all that is stored about it."""
    with account_scope(request.account.pk):
        record = find_record(record_id)
        if request.method != "POST":
            return _ask_to_erase(
                request,
                title=_("Erase %s for good?") % record_name(record),
                verb=_("Erase for good"),
                back=_page(request, record),
            )
    _erase(request, [record.pk])
    messages.success(request, _("The record is erased."))
    return redirect(_table(request, record.object_type.key))


@account_view(right=Right.EDIT_CONTENT)
def archive_chosen(request: AccountRequest) -> HttpResponse:
    """GET asks about those whom `?record=` names, POST puts them away."""
    ids, rest = _chosen(request)
    if request.method != "POST":
        count = Record.objects.filter(pk__in=ids, archived_at=None).count()
        return ask(
            request,
            title=ngettext("Archive %s record?", "Archive %s records?", count) % number(count),
            text=_("They leave their flows and are enrolled in none. Their story stays, and you can restore them.")
            + rest,
            verb=_("Archive"),
            back=_table(request),
        )
    done = editing.archive(ids, by=request.actor, source=SOURCE)
    messages.success(request, ngettext("%s record is archived.", "%s records are archived.", done) % number(done))
    return redirect(_table(request))


@account_view(right=Right.EDIT_CONTENT)
def restore_chosen(request: AccountRequest) -> HttpResponse:
    """GET asks about those whom `?record=` names, POST takes them out again."""
    ids, rest = _chosen(request)
    if request.method != "POST":
        count = Record.objects.filter(pk__in=ids, archived_at__isnull=False).count()
        return ask(
            request,
            title=ngettext("Restore %s record?", "Restore %s records?", count) % number(count),
            text=_("They may be enrolled again. The flows that they left do not go on.") + rest,
            verb=_("Restore"),
            back=_table(request),
        )
    done = editing.restore(ids, by=request.actor, source=SOURCE)
    messages.success(request, ngettext("%s record is back.", "%s records are back.", done) % number(done))
    return redirect(_table(request))


@verb_view(right=Right.EDIT_FLOWS)
def erase_chosen(request: AccountRequest) -> HttpResponse:
    """GET asks about those whom `?record=` names, POST erases them."""
    with account_scope(request.account.pk):
        ids, rest = _chosen(request)
    if rest:  # sent once more by chance, it would erase the next ones, who cannot be brought back
        raise _too_many()
    if request.method != "POST":
        with account_scope(request.account.pk):
            count = Record.objects.filter(pk__in=ids).count()
            many = number(count)
            return _ask_to_erase(
                request,
                title=ngettext("Erase %s record for good?", "Erase %s records for good?", count) % many,
                verb=ngettext("Erase %s record", "Erase %s records", count) % many,
                back=_table(request),
            )
    gone = _erase(request, ids)
    messages.success(request, ngettext("%s record is erased.", "%s records are erased.", gone) % number(gone))
    return redirect(_table(request))


@account_view(right=Right.EDIT_CONTENT)
def to_list(request: AccountRequest) -> HttpResponse:
    """GET asks which list, POST puts those of the address on it, or on a new one that it names.

    Too many for one request are left to a worker.
    """
    table = Table.of(request.GET)
    tree = _whole(request, table)
    ids, rest = _chosen(request) if tree is None else ([], "")
    if rest:  # doing it again would find the same
        raise _too_many()
    if request.method != "POST":
        return _ask_for_list(request, table, _many(table, tree, ids))
    try:
        chosen = _list_of(request, table)
    except Invalid as invalid:
        return _ask_for_list(request, table, _many(table, tree, ids), fault=invalid.errors[0].message)
    try:
        if tree is None:
            added: int | None = lists.add(chosen, ids)
        else:
            added = lists.add_matching(chosen, tree, moment=now(), zone=account_zone())
    except Invalid as invalid:  # nor is a new list left behind: the refusal takes everything back
        raise NotAllowed("refused", invalid.errors[0].message) from invalid
    if added is None:
        messages.info(request, _("Records are being put on the list. With many of them that takes a while."))
    elif added == 0:
        messages.info(request, _("They are on it already."))
    else:
        said = ngettext(
            "%(n)s record was put on the list %(name)s.", "%(n)s records were put on the list %(name)s.", added
        )
        messages.success(request, said % {"n": added, "name": chosen.name})
    return redirect("web:list", request.account.slug, chosen.pk)


def _ask_for_list(request: AccountRequest, table: Table, count: int | None, *, fault: str = "") -> HttpResponse:
    """`count`: how many are put on it, None for too many to count. `fault`: why what was posted is not done."""
    return ask(
        request,
        title=ngettext("Put %s record on a list", "Put %s records on a list", count or MOST_TOGETHER)
        % (f"{number(MOST_TOGETHER)}+" if count is None else number(count)),
        verb=_("Put on the list"),
        back=_table(request),
        body="records/_to_list.html",
        status=422 if fault else 200,
        static_lists=_static(table).order_by("name")[:500],
        chosen_list=read_id(request.POST.get("list")),
        name=request.POST.get("name", ""),
        fault=fault,
    )


def _static(table: Table) -> QuerySet[List]:
    found: QuerySet[List] = List.objects.filter(object_type=table.object_type, kind=ListKind.STATIC, is_hidden=False)
    return found


def _list_of(request: AccountRequest, table: Table) -> List:
    """The list that was chosen, or a new one by the name that was written. Raises Http404, Invalid."""
    chosen, name = request.POST.get("list", ""), request.POST.get("name", "").strip()
    if bool(chosen) == bool(name):
        raise Invalid([Error("list", _("Choose a list, or write what a new one is called: one of the two."))])
    if name:
        return lists.create_static(name, table.object_type)
    found: List = get_object_or_404(_static(table), pk=read_id(chosen) or 0)
    return found


def _many(table: Table, tree: Any, ids: list[int]) -> int | None:
    return len(ids) if tree is None else _count(table, tree)


def _whole(request: AccountRequest, table: Table) -> Any:
    """The criteria of all that the table finds, when they are too many to go by id; None when they can or must.

    Criteria alone can say them: not words, nor that they are archived.
    """
    if not request.GET.get("all") or table.search or table.is_archived or table.fault:
        return None
    try:
        is_many = len(table.all_ids(MOST_TOGETHER + 1)) > MOST_TOGETHER
    except searching.TooSlow:
        is_many = True
    return (table.tree or {"all": []}) if is_many else None


def _count(table: Table, tree: Any) -> int | None:
    return matching.count(tree, table.object_type, moment=now(), zone=account_zone())


def _ask_to_erase(request: AccountRequest, *, title: str, verb: str, back: str) -> HttpResponse:
    return ask(
        request,
        title=title,
        text=_(
            "Everything stored goes: values, story, messages, associations, places on lists and in flows. "
            "Reports of flows no longer count it. This cannot be undone."
        ),
        verb=verb,
        is_dangerous=True,
        back=back,
        body="records/_erase.html",
    )


def _erase(request: AccountRequest, record_ids: list[int]) -> int:
    suppresses = request.POST.get("suppress") == "yes"
    gone = erasing.erase(request.account.pk, record_ids, by=request.actor, suppresses=suppresses)
    tasks.erase_records.hint(request.account.pk)
    return gone


def _chosen(request: AccountRequest) -> tuple[list[int], str]:
    """From the address, which the question posts to: some of a page, or with `?all=` whoever the table finds.

    At most `MOST_TOGETHER`, the latest made; the sentence, after a blank, says so when they are not all.
    """
    if not request.GET.get("all"):
        ids = [read_id(each) for each in request.GET.getlist("record")[:MOST_AT_ONCE]]
        return [each for each in ids if each is not None], ""
    table = Table.of(request.GET)
    if table.fault:  # what they were to meet cannot be asked any more, and it is not everybody that was meant
        raise NotAllowed("refused", table.fault)
    if request.GET.get("type", table.object_type.key) != table.object_type.key:
        raise Http404
    try:
        found = table.all_ids(MOST_TOGETHER + 1)
    except searching.TooSlow:
        raise NotAllowed("too_slow", str(TOO_SLOW)) from None
    if len(found) <= MOST_TOGETHER:
        return found, ""
    rest = _("These are the latest %s of those found, the most that go together: do it again for the next.")
    return found[:MOST_TOGETHER], f" {rest % number(MOST_TOGETHER)}"


def _too_many() -> NotAllowed:
    most = number(MOST_TOGETHER)
    return NotAllowed("too_many", _("More than %s records at once. Narrow the search or the filter.") % most)


def _page(request: AccountRequest, record: Record) -> str:
    return reverse("web:record", args=[request.account.slug, record.pk])


def _table(request: AccountRequest, key: str = "") -> str:
    address, query = reverse("web:records", args=[request.account.slug]), filters_of(request.GET)
    if key:
        query["type"] = key
    return f"{address}?{query.urlencode()}" if query else address
