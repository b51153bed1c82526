"""The flows of an account: the first page, and the list with a switch in every row."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from accounts import sign_in
from web.access import AccountRequest, account_view


@never_cache
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """On to the person's first account; a page that says so when there is none."""
    own = sign_in.accounts_of(request.user)  # type: ignore[arg-type]
    if own:
        return redirect("web:flows", own[0].slug)
    return render(request, "sign_in/no_account.html")


@account_view()
def overview(request: AccountRequest) -> HttpResponse:
    """Every flow the person may see."""
    return render(request, "flows/list.html", {"place": "flows"})
