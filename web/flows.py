"""The flows of an account: the first page, the list with a switch in every row, and what the switch does."""

from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts import sign_in
from accounts.history import NotAllowed
from accounts.models import User
from accounts.rights import Right
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus
from running import verbs
from running.problems import problems
from web import errors
from web.access import AccountRequest, account_view, verb_view
from web.flow_rows import row_of, rows_of, visible_to, worst
from web.paging import read_id

ON_A_PAGE = 25
PARTS = {"row": "flows/_row.html", "head": "flows/_head.html"}  # where a switch may stand


@never_cache
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """On to the person's first account; a page that says so when there is none."""
    own = sign_in.accounts_of(cast(User, request.user))
    if own:
        return redirect("web:flows", own[0].slug)
    return render(request, "sign_in/no_account.html")


@account_view()
def overview(request: AccountRequest) -> HttpResponse:
    """Every flow the person may see, by name; `?status=`, `?search=` and `?page=` narrow it."""
    own = Flow.objects.filter(visible_to(request.actor))
    status = request.GET.get("status", "")
    search = request.GET.get("search", "").replace("\x00", "").strip()
    chosen = own.filter(_narrowed(status, search)).select_related("owner").order_by("name", "pk")
    page = Paginator(chosen, ON_A_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "flows/list.html",
        {
            "place": "flows",
            "page": page,
            "rows": rows_of(page.object_list),
            "status": status,
            "search": search,
            "statuses": _statuses(own),
        },
    )


@account_view()
def problems_of_shown(request: AccountRequest) -> HttpResponse:
    """The problem marks of the flows on a page (`?flow=`, several), asked for once the page is there."""
    wanted = [read_id(each) for each in request.GET.getlist("flow")[:ON_A_PAGE]]
    flows = _flows(request).filter(pk__in=[each for each in wanted if each is not None])
    found = {flow: problems(flow) for flow in flows}
    marks = [{"flow": flow, "problems": each, "severity": worst(each)} for flow, each in found.items()]
    return render(request, "flows/_problem_marks.html", {"marks": marks})


@require_POST
@verb_view(right=Right.OPERATE)
def toggle(request: AccountRequest, flow_id: int) -> HttpResponse:
    """Turn a flow on (start or resume) or off (pause). Says what is wanted, so a stale page cannot turn it round."""
    with account_scope(request.account.pk):
        flow = get_object_or_404(_flows(request), pk=flow_id)
    wants_on = request.POST.get("turn") == "on"
    try:
        if wants_on != (flow.status == FlowStatus.RUNNING):
            (verbs.turn_on if wants_on else verbs.pause)(request.account.pk, flow_id, by=request.actor)
    except Flow.DoesNotExist:
        raise Http404 from None
    except NotAllowed as error:
        return _refused(request, flow_id, error)
    if not request.htmx:
        return redirect(_page_before(request))
    return HttpResponse(_part(request, flow_id))


def _flows(request: AccountRequest) -> QuerySet[Flow]:
    visible = Flow.objects.filter(visible_to(request.actor))
    return cast("QuerySet[Flow]", visible.select_related("owner", "object_type", "outbox"))


def _narrowed(status: str, search: str) -> Q:
    by_status = Q(status=status) if status in FlowStatus.values else Q()
    return by_status & (Q(name__icontains=search) if search else Q())


def _statuses(own: QuerySet[Flow]) -> list[dict[str, Any]]:
    """Each status with its label and how many flows have it, all of them first."""
    counted = dict(own.order_by().values_list("status").annotate(Count("pk")))
    each = [{"key": key, "label": label, "n": counted.get(key, 0)} for key, label in FlowStatus.choices]
    return [{"key": "", "label": "", "n": sum(counted.values())}, *each]


def _part(request: AccountRequest, flow_id: int, **extra: Any) -> str:
    """The row or header that the switch stands in, as it is now."""
    template = PARTS.get(request.POST.get("part", ""), PARTS["row"])
    with account_scope(request.account.pk):
        flow = get_object_or_404(_flows(request), pk=flow_id)
        return render_to_string(template, {"row": row_of(flow), **extra}, request)


def _refused(request: AccountRequest, flow_id: int, error: NotAllowed) -> HttpResponse:
    """What stops it; for htmx also the row as it is, because the page may be older than the refusal."""
    response = errors.refused(request, error)
    if request.htmx:
        response.write(_part(request, flow_id, out_of_band=True))
    return response


def _page_before(request: AccountRequest) -> str:
    """The page the button stood on, if it is ours."""
    came_from = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(came_from, {request.get_host()}, request.is_secure())
    return came_from if is_ours else f"/{request.account.slug}/flows/"
