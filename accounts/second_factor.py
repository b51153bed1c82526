"""The second factor: codes of an app on the phone, and recovery codes. Their secrets are encrypted at rest."""

from io import BytesIO

import qrcode
from allauth.mfa.adapter import DefaultMFAAdapter
from django.utils.translation import gettext_lazy as _
from qrcode.image.svg import SvgPathFillImage

from .secrets_at_rest import decrypt, encrypt


class SecondFactor(DefaultMFAAdapter):
    """How allauth.mfa keeps secrets and what it says."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("That code is not right. Codes change every 30 seconds: try the newest."),
        "unverified_email": _("Confirm your e-mail address first: with two steps it is your way back in."),
        "cannot_generate_recovery_codes": _("Recovery codes come with two-step login. Turn that on first."),
    }

    def encrypt(self, text: str) -> str:
        """Before it goes into the database."""
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """When it is needed."""
        return decrypt(encrypted_text)

    def get_totp_issuer(self) -> str:
        """What the app on the phone lists it under."""
        return "Flyt"

    def build_totp_svg(self, url: str) -> str:
        """The code to scan: dark on white whatever the theme, because many scanners want that."""
        drawing = BytesIO()
        qrcode.make(url, image_factory=SvgPathFillImage, border=2).save(drawing)
        return drawing.getvalue().decode()
