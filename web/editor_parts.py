"""The editor's other parts as forms: e-mail, success, settings. Their fields are named as in the flow's document."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Model
from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts.actors import Actor
from accounts.rights import Right
from flows.document import moment_text
from flows.models import FlowStatus
from messaging.models import SubscriptionType
from records.models import List, ListKind
from scheduling.zones import resolve
from web import criteria_builder, time_zones
from web.criteria_builder import Builder, Vocabulary
from web.editor_saving import Editor, Outcome
from web.paging import read_id
from web.step_panel import Target, flows_to_go_to, number_or_text

LONGEST_TYPE_NAME = 120


class Part:
    """One part: filled from the document, read from what was posted, and written back."""

    template = ""

    def __init__(self, editor: Editor, actor: Actor) -> None:
        self.editor, self.actor = editor, actor
        self.document = dict(editor.document)
        self.refused: Outcome | None = None  # what a button could not do
        self.builders: list[Builder] = []
        self.vocabulary: Vocabulary | None = None
        self.load()

    @property
    def is_finished(self) -> bool:
        """False when something half-written is left out of what is saved."""
        return all(each.is_good for each in self.builders)

    def load(self) -> None:
        """Fill the form from the document."""

    def read(self, data: QueryDict) -> None:
        """Fill the form from what was posted."""

    def values(self) -> dict[str, Any]:
        """The parts of the document to write."""
        raise NotImplementedError

    def make(self, verb: str, data: QueryDict) -> Model | None:
        """What a button makes beside the flow, already chosen in it. Inside the account's scope."""
        return None

    def settle(self) -> None:
        """Read what the form needs to be drawn. Inside the account's scope."""
        if self.builders:
            self.vocabulary = Vocabulary.of(self.editor.flow.object_type)
            criteria_builder.check(self.builders, self.vocabulary)

    def slot(self, place: str) -> str:
        """The field where a fault of the document stands."""
        parts = place.split(".")
        return parts[0] if parts[0] in ("filter", "unenrolment", "exclusion_lists", "leave_flows") else place


class EmailPart(Part):
    """Who the flow's e-mails come from, and who may get them."""

    template = "editor/email.html"

    def load(self) -> None:
        """The document's `email`."""
        self.email = dict(self.document["email"])

    def read(self, data: QueryDict) -> None:
        """`email.sender_name` and so on; consent is overridden by admins only."""
        for name in ("sender_name", "sender_address", "reply_address"):
            self.email[name] = data.get(f"email.{name}", self.email[name])
        self.email["subscription_type"] = number_or_text(data.get("email.subscription_type", ""))
        if self.may_override:
            self.email["override_consent"] = "email.override_consent" in data

    def values(self) -> dict[str, Any]:
        """`email`."""
        return {"email": self.email}

    def make(self, verb: str, data: QueryDict) -> SubscriptionType | None:
        """A subscription type with the name in `new_subscription_type`; one that is there already is only chosen."""
        if verb != "new_subscription_type":
            return None
        name = data.get("new_subscription_type", "").strip()
        if not 0 < len(name) <= LONGEST_TYPE_NAME:
            message = _("Enter a name of 1 to {most} characters.").format(most=LONGEST_TYPE_NAME)
            self.refused = Outcome(422, {"new_subscription_type": message})
            return None
        chosen, is_new = SubscriptionType.objects.get_or_create(name=name)
        self.email["subscription_type"] = chosen.pk
        return chosen if is_new else None

    def settle(self) -> None:
        """The subscription types."""
        rows = SubscriptionType.objects.all()
        self.subscription_types = sorted(rows, key=lambda each: (each.name.casefold(), each.pk))

    @property
    def may_override(self) -> bool:
        """Whether the person may let e-mails go to people without consent."""
        return self.actor.may(Right.ADMINISTER)


class SuccessPart(Part):
    """When someone has succeeded: one criterion here; further ones, made by the API, stay as they are."""

    template = "editor/success.html"

    def load(self) -> None:
        """The first criterion."""
        first = next(iter(self.document["success"]), {"name": "", "criteria": None})
        self.name = str(first["name"])
        self.jump_to_finish = self.document["jump_to_finish"]
        self.others = self.document["success"][1:]
        self.builders = [criteria_builder.of_tree(first["criteria"], "success.0.criteria")]

    def read(self, data: QueryDict) -> None:
        """`success.0.name`, its criteria, and `jump_to_finish`."""
        self.name = str(data.get("success.0.name", self.name))
        self.jump_to_finish = "jump_to_finish" in data
        self.builders = [criteria_builder.of_post(data, "success.0.criteria", stored=self.builders[0].stored)]

    def values(self) -> dict[str, Any]:
        """`success` and `jump_to_finish`."""
        tree = self.builders[0].to_save
        own = [] if tree is None else [{"name": self.name.strip() or _("Success"), "criteria": tree}]
        return {"success": [*own, *self.others], "jump_to_finish": self.jump_to_finish}

    def slot(self, place: str) -> str:
        """Faults of the criteria stand at the builder."""
        return "success.0.criteria" if place.startswith("success.0.criteria") else super().slot(place)


class SettingsPart(Part):
    """Name, time zone, who is let in, who is taken out, from when and until when."""

    template = "editor/settings.html"
    TEXTS = ("name", "description", "time_zone")
    MOMENTS = ("starts_at", "enrolment_ends_at")
    CHOSEN = ("exclusion_lists", "leave_flows")

    def load(self) -> None:
        """The document's own settings."""
        self.moments = {name: _local(self.document[name], self.document["time_zone"]) for name in self.MOMENTS}
        self.builders = [criteria_builder.of_tree(self.document[name], name) for name in ("filter", "unenrolment")]

    def read(self, data: QueryDict) -> None:
        """Every field; one that is greyed out is not posted, and stays."""
        for name in self.TEXTS:
            self.document[name] = data.get(name, self.document[name])
        if not self.has_schedule:
            self.document["only_once"] = "only_once" in data
        self.builders = [criteria_builder.of_post(data, each.name, stored=each.stored) for each in self.builders]
        for name in self.CHOSEN:
            chosen = (number_or_text(text) for text in data.getlist(name))
            self.document[name] = list(dict.fromkeys(each for each in chosen if each))
        self._act(*data.get("do", "").partition(" ")[::2])
        for name in self.MOMENTS:
            if name in data:
                self.moments[name] = str(data[name])
                self.document[name] = _moment(self.moments[name], self.document["time_zone"])

    def values(self) -> dict[str, Any]:
        """All of it."""
        names = (*self.TEXTS, *self.MOMENTS, *self.CHOSEN, "only_once")
        own = {name: self.document[name] for name in names}
        return {**own, **{each.name: each.to_save for each in self.builders}}

    def settle(self) -> None:
        """The static lists of the flow's records, beside what the builders need."""
        super().settle()
        rows = List.objects.filter(kind=ListKind.STATIC, object_type_id=self.editor.flow.object_type_id)
        self.lists = sorted(rows, key=lambda each: (each.name.casefold(), each.pk))
        self.flows = flows_to_go_to(self.editor.flow, self.document["leave_flows"])

    @property
    def has_schedule(self) -> bool:
        """Whether a schedule starts the flow: it enrols everyone at each run, so only once does not apply."""
        return any(each["kind"] == "schedule" for each in self.document["triggers"])

    @property
    def may_set_start(self) -> bool:
        """The start is set before the flow is turned on."""
        return bool(self.editor.flow.status == FlowStatus.NOT_RUNNING)

    @property
    def excluded(self) -> list[List]:
        """The chosen lists."""
        return [each for each in self.lists if each.pk in self.document["exclusion_lists"]]

    @property
    def not_excluded(self) -> list[List]:
        """Those that can still be chosen."""
        return [each for each in self.lists if each.pk not in self.document["exclusion_lists"]]

    @property
    def left(self) -> list[Target]:
        """The flows that whoever is enrolled leaves."""
        return [each for each in self.flows if each.id in self.document["leave_flows"]]

    @property
    def not_left(self) -> list[Target]:
        """Those that can still be chosen."""
        return [each for each in self.flows if each.id not in self.document["leave_flows"]]

    @property
    def zones(self) -> list[tuple[str, str]]:
        """The zones to choose from, the flow's own among them whatever it is."""
        own = self.document["time_zone"]
        choices = time_zones.choices()
        return choices if own in dict(choices) else [(own, own), *choices]

    def _act(self, verb: str, target: str) -> None:
        name = {"remove_list": "exclusion_lists", "remove_flow": "leave_flows"}.get(verb)
        if name:
            self.document[name] = [each for each in self.document[name] if each != read_id(target)]


def _local(moment: str | None, zone: str) -> str:
    """A moment of the document as a field of local date and time shows it."""
    if moment is None:
        return ""
    return datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")


def _moment(text: str, zone: str) -> Any:
    """A local date and time as the document writes it; as typed when it is none."""
    if not text.strip():
        return None
    try:
        return moment_text(resolve(datetime.fromisoformat(text.strip()).replace(tzinfo=None), ZoneInfo(zone)).at)
    except (ValueError, OverflowError, KeyError):
        return text
