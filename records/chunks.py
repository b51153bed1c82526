"""Working through an account's records of a type in the order of their ids, so many at a time."""

from typing import Final

from django.db import connection

from accounts.tenancy import current_account_id

# Only the index on (account, object type, id) has this order: along the primary key the way to the account's next
# record may lead over millions of others'. Types and ids are compared as rows, since a type that is equal to one would
# be no part of the order; the account is not, for under row security each look would then begin with its first record.
END: Final = """
select id from records_record
where account_id = %(account)s and (object_type_id, id) > (%(object_type)s, %(after)s)
  and (object_type_id, id) <= (%(object_type)s, %(last)s)
order by account_id, object_type_id, id offset %(skip)s limit 1
"""


def chunk_end(object_type_id: int, *, after: int, last: int, size: int) -> int | None:
    """The id up to which the next `size` records go, behind the id `after`; None when `last` is not that far.

    Counted along the current account's own records, archived ones too: gaps between their ids cost nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            END,
            {
                "account": current_account_id(),
                "object_type": object_type_id,
                "after": after,
                "last": last,
                "skip": size - 1,
            },
        )
        row = cursor.fetchone()
    return int(row[0]) if row else None
