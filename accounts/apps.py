"""The Django app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Accounts, members, keys, history."""

    name = "accounts"
