"""What the tests of criteria share: trees, whom they take, what they are refused for."""

from datetime import UTC, datetime
from typing import Any

from django.db import connection

from records import criteria
from records.models import ObjectType, Record

MOMENT = datetime(2027, 3, 15, 12, 0, tzinfo=UTC)


def leaf(property: str, operator: str, value: object = None, **more: object) -> dict[str, Any]:
    """A comparison as it stands in a tree."""
    return {"property": property, "operator": operator, **({} if value is None else {"value": value}), **more}


def matching(tree: object, object_type: ObjectType, moment: datetime = MOMENT, zone: str = "Europe/Oslo") -> set[int]:
    """The ids of the records that a tree takes."""
    condition = criteria.compile(tree, object_type_id=object_type.pk, moment=moment, zone=zone)
    with connection.cursor() as cursor:
        cursor.execute(f"select r.id, {condition.sql} from records_record r", condition.params)
        found = cursor.fetchall()
    assert all(answer in (True, False) for _, answer in found), "a condition is never NULL"
    return {record_id for record_id, answer in found if answer}


def holds(
    tree: object, object_type: ObjectType, moment: datetime = MOMENT, zone: str = "Europe/Oslo", **properties: Any
) -> bool:
    """True when a record with these properties is taken."""
    record = Record.objects.create(object_type=object_type, properties=properties)
    return record.pk in matching(tree, object_type, moment, zone)


def refused(tree: object, object_type: ObjectType) -> list[str]:
    """The paths of what a tree is refused for."""
    errors = criteria.check(tree, object_type)
    assert all(error.message for error in errors)
    return [error.path for error in errors]
