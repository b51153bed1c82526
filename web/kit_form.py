"""Forms in the looks of the design kit."""

from typing import Any

from django import forms

BOXES = (forms.CheckboxInput, forms.RadioSelect, forms.CheckboxSelectMultiple)


class KitForm(forms.Form):
    """Gives every field its look; `components/_field.html` draws one with label, hint and error."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dress()

    def dress(self) -> None:
        """Once more after fields were added."""
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)
            if not isinstance(field.widget, BOXES):
                field.widget.attrs.setdefault("class", "input")
