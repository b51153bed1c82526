"""The account, its people and keys, and the history of what they did."""

from typing import Any, ClassVar

from django.contrib.auth.models import (
    AbstractBaseUser,
    BaseUserManager,
    PermissionsMixin,
)
from django.db import models
from django.utils.translation import gettext_lazy as _

from scheduling.clock import now

from .rights import Role
from .tenancy import AccountModel


class Account(models.Model):
    """The tenant: everything else belongs to exactly one."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    time_zone = models.CharField(max_length=64, default="Europe/Oslo")
    language = models.CharField(max_length=8, default="en")
    country = models.CharField(max_length=2, blank=True)  # ISO 3166: where phone numbers without a country code belong
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Makes people who sign in by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A person; the address is kept in lower case."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """An operator of the installation."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find by address, whatever its case."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in. Global: one person may be a member of several accounts."""

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    language = models.CharField(max_length=8, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.name or self.email


class Member(AccountModel):
    """A person in an account, with a role there."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=20, choices=Role, default=Role.VIEWER)
    created_at = models.DateTimeField(default=now)

    class Meta(AccountModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="one_membership_per_person_and_account"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="member_role_is_known"),
        ]


class Invitation(AccountModel):
    """An address that was asked to become a member. It goes when it is accepted or withdrawn; history stays."""

    email = models.EmailField()
    role = models.CharField(max_length=20, choices=Role, default=Role.VIEWER)
    token_digest = models.CharField(max_length=64, unique=True)  # global on purpose: a token names its account
    invited_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    sent_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()

    class Meta(AccountModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["account", "email"], name="one_invitation_per_address_and_account"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="invitation_role_is_known"),
        ]


class ApiKey(AccountModel):
    """A secret of an integration. Only its digest is kept; the secret is shown once."""

    name = models.CharField(max_length=120)
    role = models.CharField(max_length=20, choices=Role, default=Role.VIEWER)
    prefix = models.CharField(max_length=16)  # shown in lists, and how a presented key is found
    digest = models.CharField(max_length=64, unique=True)  # global on purpose: a key names its account
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=now)
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta(AccountModel.Meta):
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="api_key_role_is_known"),
        ]


class History(AccountModel):
    """Who did what to what, and when: written with the change, never edited."""

    subject = models.CharField(max_length=40)  # "flow", "member", ...
    subject_id = models.BigIntegerField()
    verb = models.CharField(max_length=40)
    detail = models.JSONField(default=dict)
    by_name = models.CharField(max_length=200)
    by_user = models.BigIntegerField(null=True)
    by_key = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=now)

    class Meta(AccountModel.Meta):
        indexes = [
            # The history of one thing, newest first.
            models.Index(
                fields=["account", "subject", "subject_id", "-at"],
                name="history_of_a_subject",
            ),
        ]


class IdempotencyKey(AccountModel):
    """The answer once given to a POST, given again when the same key comes back."""

    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)  # of method, path and body: the key may not be reused for another
    status = models.IntegerField(null=True)  # null: still being answered
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(default=now)

    class Meta(AccountModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="one_answer_per_idempotency_key"),
        ]
