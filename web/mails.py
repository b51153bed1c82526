"""Mail from Flyt itself to people who use it: invitations, links to confirm or to come back in, notices."""

import logging
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import translation

logger = logging.getLogger(__name__)

ACCOUNT_HEADER = "X-Flyt-Account"  # the id of the account that a mail is about, for the local inbox


class MailNotSent(Exception):
    """The mail server did not take it. The edges say so and offer another try."""


def address(path: str) -> str:
    """A page as a mail links to it. Not from the request: whoever sends that chooses the host and the port in it."""
    return f"{settings.SITE_URL}{path}"


def send(template: str, to: str, context: dict[str, Any], *, language: str, account_id: int | None = None) -> None:
    """Send `<template>_subject.txt` and `<template>_message.txt` in that language. Raises MailNotSent."""
    with translation.override(language or settings.LANGUAGE_CODE):
        subject = " ".join(render_to_string(f"{template}_subject.txt", context).split())
        text = render_to_string(f"{template}_message.txt", context).strip() + "\n"
    headers = {"Auto-Submitted": "auto-generated"}
    if account_id is not None:
        headers[ACCOUNT_HEADER] = str(account_id)
    try:
        EmailMessage(subject, text, settings.DEFAULT_FROM_EMAIL, [to], headers=headers).send()
    except OSError as error:  # smtplib's errors are ones too
        logger.warning("mail %s not sent: %s: %s", template, type(error).__name__, error)
        raise MailNotSent from error
