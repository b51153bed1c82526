"""Making a list, static or dynamic, and changing one: name, folder, description, and who is in a dynamic one."""

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.rights import Right
from records import dynamic_lists, list_refresh, lists
from records.models import List, ListFolder, ListKind, ObjectType
from records.refusals import Invalid
from web import criteria_builder
from web.access import AccountRequest, account_view
from web.criteria_builder import Builder, Vocabulary
from web.lists import find
from web.paging import read_id
from web.record_rows import chosen_type

CRITERIA = "criteria"


@dataclass
class ListForm:
    """What somebody says about a list. `chosen`: the one that is changed; None for a new one."""

    chosen: List | None
    object_type: ObjectType
    kind: str
    name: str
    description: str
    folder: ListFolder | None
    who: Builder
    vocabulary: Vocabulary
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def is_dynamic(self) -> bool:
        """Whether criteria say who is in it."""
        return self.kind == ListKind.DYNAMIC

    @classmethod
    def of(cls, chosen: List | None, data: QueryDict) -> "ListForm":
        """The form as it was posted; what was not, as it is."""
        object_type = chosen.object_type if chosen else chosen_type(data.get("object_type"))
        assert object_type is not None  # every account has some
        kind = chosen.kind if chosen else data.get("kind", ListKind.STATIC)
        stored = chosen.criteria if chosen else None
        if f"{CRITERIA}.scope" in data:
            who = criteria_builder.of_post(data, CRITERIA, stored=stored)
        else:
            who = criteria_builder.of_tree(stored or {"all": [{}]}, CRITERIA) if stored else _new_builder()
        folder_id = read_id(data.get("folder")) if "folder" in data else chosen and chosen.folder_id
        form = cls(
            chosen,
            object_type,
            kind if kind in ListKind.values else ListKind.STATIC,
            data.get("name", chosen.name if chosen else ""),
            data.get("description", chosen.description if chosen else ""),
            ListFolder.objects.filter(pk=folder_id).first() if folder_id else None,
            who,
            Vocabulary.of(object_type),
        )
        criteria_builder.check([who], form.vocabulary)
        return form

    def save(self) -> List | None:
        """Make or change the list; None when `faults` say what is wrong, and nothing was changed."""
        if self.is_dynamic and not (self.who.is_good and self.who.tree is not None):
            self.faults = self.who.faults or {CRITERIA: _("Finish the conditions first: one of them lacks something.")}
            return None
        try:
            return self._change(self.chosen) if self.chosen else self._make()
        except Invalid as invalid:
            self.faults = {error.path.split(".")[0]: error.message for error in reversed(invalid.errors)}
            return None

    def _make(self) -> List:
        name, of, folder, description = self.name, self.object_type, self.folder, self.description
        if self.is_dynamic:
            return dynamic_lists.create_dynamic(name, of, self.who.tree, folder=folder, description=description)
        return lists.create_static(name, of, folder=folder, description=description)

    def _change(self, chosen: List) -> List:
        lists.change(chosen, name=self.name, description=self.description, folder=self.folder)
        if self.is_dynamic:
            dynamic_lists.change_criteria(chosen, self.who.tree)
        return chosen


@account_view(right=Right.EDIT_CONTENT)
@require_http_methods(["GET", "POST"])
def create(request: AccountRequest) -> HttpResponse:
    """A new list."""
    return _answer(request, None)


@account_view(right=Right.EDIT_CONTENT)
@require_http_methods(["GET", "POST"])
def edit(request: AccountRequest, list_id: int) -> HttpResponse:
    """Change a list; its kind and object type stay."""
    return _answer(request, find(list_id))


@account_view(right=Right.EDIT_CONTENT)
@require_POST
def draft(request: AccountRequest) -> HttpResponse:
    """The form as it is being written: what its criteria say, and with another kind or condition drawn anew."""
    form = ListForm.of(_of_form(request), request.POST)
    redraws = bool(request.POST.get("do") or request.POST.get("redraw"))
    form.faults = form.who.faults
    return _render(request, form, redraws=redraws)


@account_view(right=Right.EDIT_CONTENT)
@require_POST
def count(request: AccountRequest) -> HttpResponse:
    """How many records meet the criteria of the form now, and some of them."""
    chosen = _of_form(request)
    object_type = chosen.object_type if chosen else chosen_type(request.POST.get("object_type"))
    assert object_type is not None  # every account has some
    found = criteria_builder.result(request.POST, object_type, zone=list_refresh.account_zone())
    return render(request, "components/_criteria_count.html", found or {})


def _answer(request: AccountRequest, chosen: List | None) -> HttpResponse:
    form = ListForm.of(chosen, request.POST)
    if request.method != "POST":
        return _render(request, form)
    if saved := form.save():
        to = reverse("web:list", args=[request.account.slug, saved.pk])
        return HttpResponseClientRedirect(to) if request.htmx else redirect(to)
    return _render(request, form, redraws=True, status=422)


def _of_form(request: AccountRequest) -> List | None:
    """The list that the form is about; None for a new one."""
    return find(read_id(request.POST.get("list")) or 0) if request.POST.get("list") else None


def _new_builder() -> Builder:
    return criteria_builder.of_post(QueryDict(f"{CRITERIA}.scope=some"), CRITERIA, stored=None)


def _render(request: AccountRequest, form: ListForm, *, redraws: bool = False, status: int = 200) -> HttpResponse:
    slug = request.account.slug
    context: dict[str, Any] = {
        "place": "lists",
        "form": form,
        "faults": form.faults,
        "object_types": ObjectType.objects.filter(archived_at=None).order_by("pk"),
        "folders": ListFolder.objects.order_by("name"),
        "redraw_url": reverse("web:list_draft", args=[slug]),
        "count_url": reverse("web:list_count", args=[slug]),
        "action": reverse("web:list_edit", args=[slug, form.chosen.pk])
        if form.chosen
        else reverse("web:list_new", args=[slug]),
        "redraws": redraws,
        "waits_for_button": True,
    }
    return render(request, "lists/_form_drawn.html" if request.htmx else "lists/form.html", context, status=status)
