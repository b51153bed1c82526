"""Give accounts that are there the object types and properties that new ones begin with, and theirs a name.

Object types that an account made itself become custom ones, and get the property `name` that records are called by.
"""

from typing import Any

from django.db import migrations
from django.utils.translation import gettext, override

from records.built_in import BUILT_IN

KEYS = [each.key for each in BUILT_IN]


def give(apps: Any, editor: Any) -> None:
    """What is there already stays as it is."""
    account_model = apps.get_model("accounts", "Account")
    type_model, property_model = apps.get_model("records", "ObjectType"), apps.get_model("records", "Property")
    accounts = dict(account_model.objects.values_list("pk", "language"))
    type_model.objects.exclude(key__in=KEYS).update(is_custom=True)
    for account_id, language in accounts.items():
        with override(language):
            type_model.objects.bulk_create(
                [
                    type_model(account_id=account_id, key=each.key, name=str(each.name), plural=str(each.plural))
                    for each in BUILT_IN
                ],
                ignore_conflicts=True,
            )
            made = dict(type_model.objects.filter(account_id=account_id).values_list("key", "pk"))
            rows = [
                property_model(
                    account_id=account_id,
                    object_type_id=made[of.key],
                    key=each.key,
                    label=str(each.label),
                    type=each.type,
                    options=list(each.options),
                )
                for of in BUILT_IN
                for each in of.properties
            ]
            rows += [
                property_model(
                    account_id=account_id, object_type_id=made[key], key="name", label=gettext("Name"), type="text"
                )
                for key in made
                if key not in KEYS
            ]
            property_model.objects.bulk_create(rows, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0004_deleted_lists_and_kinds_of_events"),
    ]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
