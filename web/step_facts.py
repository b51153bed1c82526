"""The settings of a step in words, for people who look at the chart. A kind without words here has its summary."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.models import Account
from flows import exits
from flows.models import Step
from flows.path import Path
from flows.steps import KINDS, random_split
from messaging.models import Content
from records import criteria
from records.models import List

Facts = list[tuple[str, Any]]  # label, value


@dataclass(frozen=True)
class StepFacts:
    """A step as its drawer shows it."""

    step: Step
    label: str
    title: str
    family: str
    icon: str
    facts: Facts


def facts_of(step: Step, path: Path, account: Account) -> StepFacts:
    """What is set in a step."""
    kind = KINDS[step.kind]
    told = WORDS.get(step.kind)
    return StepFacts(
        step=step,
        label=str(kind.label),
        title=step.name or kind.summary(step, path),
        family=kind.family,
        icon=kind.icon,
        facts=told(step, path, account) if told else [(_("Setting"), kind.summary(step, path))],
    )


def title_of(step: Step, path: Path) -> str:
    """What tells a step from its neighbours: the name that somebody gave it, else its kind and what it does."""
    if step.name or step.kind == "finish":
        return str(step.name or KINDS[step.kind].label)
    return f"{KINDS[step.kind].label}: {KINDS[step.kind].summary(step, path)}"


def _send_email(step: Step, path: Path, account: Account) -> Facts:
    content = Content.objects.filter(pk=step.settings.get("content") or 0).first()
    outbox = step.flow.outbox
    return [
        (_("E-mail"), _link("content", account, content) if content else _("No content chosen")),
        (_("Subject"), content.subject if content else ""),
        (_("Sender"), outbox.sender_address),
        (_("Subscription"), outbox.subscription_type),
    ]


def _wait(step: Step, path: Path, account: Account) -> Facts:
    return [(_("Waits"), KINDS["wait"].summary(step, path)), (_("Counted from"), _("arrival on this step"))]


def _wait_for_event(step: Step, path: Path, account: Account) -> Facts:
    kind = KINDS["wait_for_event"]
    facts: Facts = [(_("Waits until"), kind.summary(step, path)), (_("Counted from"), _("the end of the step before"))]
    return [*facts, *_exit(step, path)]


def _exit(step: Step, path: Path) -> Facts:
    """Who leaves the flow by the step, and where they go."""
    if not step.settings.get("exit"):
        return []
    named = (exits.target_name(step, path, name) for name in ("exit_flow", "exit_list"))
    who = _("Whoever no branch takes") if step.kind == "split" else _("Whoever waited in vain")
    return [(who, " · ".join([_("leaves the flow"), *(name for name in named if name)]))]


def _random_split(step: Step, path: Path, account: Account) -> Facts:
    branches = path.branches_of(step.pk)
    return [
        (branch.name or _("Branch"), share)
        for branch, share in zip(branches, random_split.shares(branches), strict=True)
    ]


def _split(step: Step, path: Path, account: Account) -> Facts:
    branches = path.branches_of(step.pk)
    trees = [branch.criteria or {"all": []} for branch in branches]
    said = criteria.describe_all(trees, step.flow.object_type)
    facts: Facts = [
        (
            branch.name or _("Branch"),
            _("whoever no other branch takes") if branch.is_everyone_else else (who if branch.criteria else ""),
        )
        for branch, who in zip(branches, said, strict=True)
    ]
    return [*facts, *_exit(step, path)]


def _add_to_list(step: Step, path: Path, account: Account) -> Facts:
    chosen = List.objects.filter(pk=step.settings.get("list") or 0).first()
    return [(_("List"), _link("list", account, chosen) if chosen else _("No list chosen"))]


def _finish(step: Step, path: Path, account: Account) -> Facts:
    success = ", ".join(criterion["name"] for criterion in step.flow.success)
    onward = [(_("Success goes on in"), "success_flow"), (_("Others go on in"), "otherwise_flow")]
    facts: Facts = [(_("Success"), success or _("No success criteria"))]
    return [
        *facts,
        *((label, exits.target_name(step, path, name)) for label, name in onward if step.settings.get(name)),
    ]


WORDS: dict[str, Callable[[Step, Path, Account], Facts]] = {
    "send_email": _send_email,
    "wait": _wait,
    "wait_for_event": _wait_for_event,
    "split": _split,
    "random_split": _random_split,
    "add_to_list": _add_to_list,
    "finish": _finish,
}


def _link(page: str, account: Account, thing: Content | List) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse(f"web:{page}", args=[account.slug, thing.pk]), thing)
