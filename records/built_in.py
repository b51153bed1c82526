"""The object types that every account has, and the properties they begin with."""

from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from .models import PropertyType

TEXT, LONG_TEXT, NUMBER = PropertyType.TEXT, PropertyType.LONG_TEXT, PropertyType.NUMBER
DATE, CHOICE, EMAIL, PHONE = PropertyType.DATE, PropertyType.CHOICE, PropertyType.EMAIL, PropertyType.PHONE

STAGES: Final = (
    "Subscriber",
    "Lead",
    "Marketing Qualified Lead",
    "Sales Qualified Lead",
    "Opportunity",
    "Customer",
    "Former customer",
    "Evangelist",
    "Other",
)
# Stored as they stand in every language: imports, flows and programs name them.
DEAL_STAGES: Final = ("Open", "Sold", "Lost", "Stalled")
CURRENCIES: Final = ("NOK", "SEK", "DKK", "EUR", "GBP", "USD")
TICKET_STATUSES: Final = ("New", "Open", "Waiting", "Closed")
PRIORITIES: Final = ("Low", "Medium", "High", "Urgent")
CATEGORIES: Final = ("Question", "Problem", "Request", "Complaint", "Other")
ACTIVITIES: Final = ("Task", "Call", "Meeting", "E-mail")
PROJECT_STATUSES: Final = ("Planned", "Active", "Finished", "Stopped")


@dataclass(frozen=True)
class BuiltInProperty:
    """A property as an account gets it, labelled in the account's language."""

    key: str
    label: Any
    type: PropertyType = TEXT
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuiltInType:
    """An object type as an account gets it. `properties`: in the order of pages."""

    key: str
    name: Any
    plural: Any
    properties: tuple[BuiltInProperty, ...]


OWNER: Final = BuiltInProperty("owner", _("Owner"), PropertyType.OWNER)
NOTES: Final = BuiltInProperty("notes", _("Notes"), LONG_TEXT)

CONTACT: Final = BuiltInType(
    "contact",
    _("Contact"),
    _("Contacts"),
    (
        BuiltInProperty("first_name", _("First name")),
        BuiltInProperty("last_name", _("Last name")),
        BuiltInProperty("email", _("E-mail"), EMAIL),
        BuiltInProperty("phone", _("Phone"), PHONE),
        BuiltInProperty("company_name", _("Company name")),
        BuiltInProperty("city", _("City")),
        BuiltInProperty("country", _("Country")),
        BuiltInProperty("language", _("Language")),
        BuiltInProperty("time_zone", _("Time zone")),
        BuiltInProperty("lifecycle_stage", _("Lifecycle stage"), CHOICE, STAGES),
        BuiltInProperty("score", _("Score"), NUMBER),
        BuiltInProperty("date_of_birth", _("Date of birth"), DATE),
        BuiltInProperty("renewal_date", _("Renewal date"), DATE),
        BuiltInProperty("created_on", _("Registered on"), PropertyType.DATETIME),
        NOTES,
        OWNER,
    ),
)
COMPANY: Final = BuiltInType(
    "company",
    _("Company"),
    _("Companies"),
    (
        BuiltInProperty("name", _("Name")),
        BuiltInProperty("email", _("E-mail"), EMAIL),
        BuiltInProperty("phone", _("Phone"), PHONE),
        BuiltInProperty("website", _("Website"), PropertyType.URL),
        BuiltInProperty("city", _("City")),
        BuiltInProperty("country", _("Country")),
        BuiltInProperty("employees", _("Employees"), NUMBER),
        NOTES,
        OWNER,
    ),
)
DEAL: Final = BuiltInType(
    "deal",
    _("Deal"),
    _("Deals"),
    (
        BuiltInProperty("name", _("Name")),
        BuiltInProperty("stage", _("Stage"), CHOICE, DEAL_STAGES),
        BuiltInProperty("amount", _("Amount"), NUMBER),
        BuiltInProperty("currency", _("Currency"), CHOICE, CURRENCIES),
        BuiltInProperty("close_date", _("Close date"), DATE),
        NOTES,
        OWNER,
    ),
)
TICKET: Final = BuiltInType(
    "ticket",
    _("Ticket"),
    _("Tickets"),
    (
        BuiltInProperty("name", _("Subject")),
        BuiltInProperty("status", _("Status"), CHOICE, TICKET_STATUSES),
        BuiltInProperty("priority", _("Priority"), CHOICE, PRIORITIES),
        BuiltInProperty("category", _("Category"), CHOICE, CATEGORIES),
        BuiltInProperty("description", _("Description"), LONG_TEXT),
        OWNER,
    ),
)
ACTIVITY: Final = BuiltInType(
    "activity",
    _("Activity"),
    _("Activities"),
    (
        BuiltInProperty("name", _("Title")),
        BuiltInProperty("kind", _("Kind"), CHOICE, ACTIVITIES),
        BuiltInProperty("due_date", _("Due date"), DATE),
        BuiltInProperty("done", _("Done"), PropertyType.BOOLEAN),
        NOTES,
        OWNER,
    ),
)
PROJECT: Final = BuiltInType(
    "project",
    _("Project"),
    _("Projects"),
    (
        BuiltInProperty("name", _("Name")),
        BuiltInProperty("status", _("Status"), CHOICE, PROJECT_STATUSES),
        BuiltInProperty("start_date", _("Start date"), DATE),
        BuiltInProperty("end_date", _("End date"), DATE),
        NOTES,
        OWNER,
    ),
)

BUILT_IN: Final = (CONTACT, COMPANY, DEAL, TICKET, ACTIVITY, PROJECT)
