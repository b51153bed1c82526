"""The form of a property: what is asked depends on its type."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import members
from records.models import Property, PropertyType
from records.refusals import Invalid
from records.schema import WITH_OPTIONS
from records.unique_values import FITTING
from web.kit_form import KitForm

FIELDS: Final = ("label", "description", "options", "is_required", "is_unique", "default")
YES_OR_NO: Final = [("true", _("Yes")), ("false", _("No"))]
NONE: Final = ("", _("None"))


class PropertyForm(KitForm):
    """The fields of a property of the type `kind`; `choices` are its options so far."""

    label = forms.CharField(label=_("Name"), max_length=1_000)
    description = forms.CharField(
        label=_("Description"), required=False, max_length=1_000, help_text=_("Stands below the field in forms.")
    )
    options = forms.CharField(
        label=_("Options"), widget=forms.Textarea(attrs={"rows": 6}), help_text=_("One on each line.")
    )
    is_required = forms.BooleanField(label=_("Required"), required=False)
    is_unique = forms.BooleanField(label=_("Unique"), required=False)
    default = forms.CharField(
        label=_("Default"), required=False, help_text=_("New records begin with it, unless they say otherwise.")
    )

    def __init__(self, *args: Any, kind: str, choices: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kind not in WITH_OPTIONS:
            del self.fields["options"]
        if kind not in FITTING:
            del self.fields["is_unique"]
        self.fields["default"].widget = _default_widget(kind, choices)
        if kind == PropertyType.MULTIPLE_CHOICE:
            self.fields["default"].help_text = _(
                "New records begin with it, unless they say otherwise. Several with ; between."
            )
        self.dress()

    def wanted(self) -> dict[str, Any]:
        """What was typed, as records.property_changes takes it."""
        found = {name: value for name, value in self.cleaned_data.items() if name in FIELDS}
        if "options" in found:
            found["options"] = [line.strip() for line in found["options"].splitlines() if line.strip()]
        return found

    def tell(self, refusal: Invalid) -> None:
        """Put what was refused beside its fields."""
        for error in refusal.errors:
            field = error.path.split(".")[0]
            self.add_error(field if field in self.fields else None, error.message)


def initial_of(property: Property) -> dict[str, Any]:
    """What stands in the form of a property."""
    default = property.default
    if isinstance(default, bool):
        default = "true" if default else "false"
    return {
        **{name: getattr(property, name) for name in FIELDS},
        "options": "\n".join(property.options),
        "default": "; ".join(default) if isinstance(default, list) else default,
    }


def _default_widget(kind: str, choices: list[str]) -> forms.Widget:
    if kind == PropertyType.CHOICE and choices:
        return forms.Select(choices=[NONE, *((option, option) for option in choices)])
    if kind == PropertyType.BOOLEAN:
        return forms.Select(choices=[NONE, *YES_OR_NO])
    if kind == PropertyType.OWNER:
        return forms.Select(choices=[NONE, *members.names().items()])
    if kind == PropertyType.DATE:
        return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.Textarea(attrs={"rows": 3}) if kind == PropertyType.LONG_TEXT else forms.TextInput()
