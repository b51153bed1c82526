"""What a password must be."""

from django.contrib.auth import password_validation
from django.utils.translation import gettext as _


class MinimumLengthValidator(password_validation.MinimumLengthValidator):
    """Django's own: its sentence is in none of Django's catalogues, so everybody would read it in English."""

    def get_error_message(self) -> str:
        """In the language of the page."""
        return _("The password is too short: use at least %(length)s characters.") % {"length": self.min_length}
