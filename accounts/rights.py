"""The one table of rights: which role may do what. Views, the API and templates all ask here."""

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a member or an API key is in an account."""

    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Admin")
    FLOW_ADMIN = "flow_admin", _("Flow admin")
    MARKETER = "marketer", _("Marketer")
    VIEWER = "viewer", _("Viewer")


class Right(StrEnum):
    """Something a role may do."""

    SEE = "see"  # flows, records, reports
    OPERATE = "operate"  # toggle ON and OFF, run now, skip next, enrol, leave
    EDIT_CONTENT = "edit_content"  # contents, records, lists, imports
    EDIT_FLOWS = "edit_flows"  # create, edit, copy; end; delete; erase; restore a version
    EDIT_SCHEMA = "edit_schema"  # object types and properties
    ADMINISTER = "administer"  # override consent; members, keys, settings, export all, audit


_EVERYONE = frozenset(Role)
_ADMINS = frozenset({Role.OWNER, Role.ADMIN})
_FLOW_ADMINS = _ADMINS | {Role.FLOW_ADMIN}

MATRIX: dict[Right, frozenset[Role]] = {
    Right.SEE: _EVERYONE,
    Right.OPERATE: _FLOW_ADMINS | {Role.MARKETER},
    Right.EDIT_CONTENT: _FLOW_ADMINS | {Role.MARKETER},
    Right.EDIT_FLOWS: _FLOW_ADMINS,
    Right.EDIT_SCHEMA: _FLOW_ADMINS,
    Right.ADMINISTER: _ADMINS,
}

MAY = {
    Right.SEE: _("See flows, records and reports"),
    Right.OPERATE: _("Turn flows on and off, enrol by hand"),
    Right.EDIT_CONTENT: _("Edit contents, records and lists, import"),
    Right.EDIT_FLOWS: _("Create, edit, end and delete flows"),
    Right.EDIT_SCHEMA: _("Create and change object types and properties"),
    Right.ADMINISTER: _("Members, API keys and settings"),
}

NEEDS = {
    Right.SEE: _("You need to be a member of this account."),
    Right.OPERATE: _("You need the role marketer, flow admin or admin for this."),
    Right.EDIT_CONTENT: _("You need the role marketer, flow admin or admin for this."),
    Right.EDIT_FLOWS: _("You need the role flow admin or admin for this."),
    Right.EDIT_SCHEMA: _("You need the role flow admin or admin for this."),
    Right.ADMINISTER: _("You need the role admin or owner for this."),
}


def allowed(role: str, right: Right) -> bool:
    """True when `role` has `right`."""
    return role in MATRIX[right]


def at_most(role: str) -> list[Role]:
    """The roles that someone with `role` may give and take away, to people and to keys: their own and those below."""
    ranked = list(Role)  # declared from the top down
    return ranked[ranked.index(Role(role)) :]
