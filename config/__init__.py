"""How Flyt is wired. Nothing else imports this package."""

from .celery import app as celery_app

__all__ = ["celery_app"]
