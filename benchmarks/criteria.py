"""Criteria: whom they find by an index, and trees of five conditions against a bare scan of the account's records."""

import time
from datetime import UTC, datetime

from . import stage

MOMENT = datetime(2027, 3, 15, 12, 0, tzinfo=UTC)
LIST_OF = 1_000
# The cost of a look by index may not grow with the records; this is far above one look and far below a scan.
LOOK = 50.0  # milliseconds


def measure(scale: float) -> list[dict]:
    """Over an account's contacts beside as many of another account, in one session of the owner."""
    people = max(10_000, int(1_000_000 * scale))
    account, contact = stage.make_account(people, "Mine")
    chosen = _furnish(account, contact)
    alone = _looks(account, contact, chosen)
    stage.make_account(people, "Beside")
    stage.settle()
    beside = _looks(account, contact, chosen)
    results = [
        {
            "what": f"criteria: {name} among {people:,} beside {people:,} of others, milliseconds (alone {before:.1f})",
            "figure": after,
            "measured": f"{after:.1f}",
            "budget": f"{LOOK:.0f} or less",
            "met": after <= LOOK,
        }
        for (name, before), after in zip(alone.items(), beside.values(), strict=True)
    ]
    return results + _against_a_scan(account, contact, chosen)


def _furnish(account: int, contact: int) -> int:
    """External ids, and a list of a thousand; returns its id."""
    from accounts.tenancy import account_scope
    from tests.make import make_list, make_object_type

    with account_scope(account):
        chosen = make_list("Some", object_type=make_object_type())
    stage.run(
        "update records_record set external_id = 'X' || (id - (select min(id) - 1 from records_record"
        " where account_id = %s)) where account_id = %s",
        account,
        account,
    )
    stage.run(
        "insert into records_listentry (account_id, list_id, record_id, added_at)"
        " select account_id, %s, id, now() from records_record where account_id = %s order by id limit %s",
        chosen.pk,
        account,
        LIST_OF,
    )
    stage.settle()
    return int(chosen.pk)


def _leaf(property: str, operator: str, value: object = None) -> dict:
    return {"property": property, "operator": operator, **({} if value is None else {"value": value})}


def _looks(account: int, contact: int, chosen: int) -> dict[str, float]:
    return {
        "e-mail": _milliseconds(account, contact, _leaf("email", "eq", "u77@example.com")),
        "external id": _milliseconds(account, contact, _leaf("external_id", "eq", "X77")),
        "name": _milliseconds(account, contact, _leaf("last_name", "eq", "Surname77")),
        "list": _milliseconds(account, contact, {"list": chosen, "operator": "in"}),
    }


def _against_a_scan(account: int, contact: int, chosen: int) -> list[dict]:
    five = [
        _leaf("country", "eq", "XX"),
        _leaf("score", "gt", 1_000),
        _leaf("city", "eq", "Nowhere"),
        _leaf("lifecycle_stage", "eq", "Customer"),
        {"list": chosen, "operator": "in"},
    ]
    met = [_leaf("country", "known"), _leaf("score", "lt", 1_000), _leaf("city", "known"), _leaf("email", "known")]
    trees = {
        "all of five": {"all": five},
        "all of five that everyone meets": {"all": [*met, {"not": {"event": "unsubscribed"}}]},
        "any of five that nobody meets": {"any": five},
        "none of five": {"not": {"any": five}},
    }
    every: dict = {"all": []}
    asked = [_question(account, contact, tree) for tree in (every, *trees.values())]
    by_many, by_one = _best_of_rounds(asked, processes=3), _best_of_rounds(asked, processes=1)
    counted = _milliseconds(account, contact, every, archived="")
    results = [
        _plain("criteria: a scan of the account's records, milliseconds", by_many[0]),
        _plain("criteria: the same in one process", by_one[0]),
        _plain("criteria: counting them from an index alone, milliseconds", counted),
    ]
    for name, many, one in zip(trees, by_many[1:], by_one[1:], strict=True):
        ratio = many / by_many[0]
        results.append(
            {
                "what": f"criteria: {name} against the scan",
                "figure": ratio,
                "measured": f"{ratio:.2f}",
                "budget": "1.5 or less",
                "met": ratio <= 1.5,
            }
        )
        # Filling a list and enrolling write, which PostgreSQL does in one process.
        results.append(_plain(f"criteria: {name}, both in one process", one / by_one[0], digits=2))
    return results


def _plain(what: str, figure: float, digits: int = 1) -> dict:
    return {"what": what, "figure": figure, "measured": f"{figure:.{digits}f}", "budget": "–", "met": None}


def _milliseconds(account: int, contact: int, tree: dict, archived: str = " and r.archived_at is null") -> float:
    """The best of five."""
    sql, params = _question(account, contact, tree, archived)
    return min(_best_of_rounds([(sql, params)], processes=3, rounds=1)[0] for _ in range(5))


def _question(
    account: int, contact: int, tree: dict, archived: str = " and r.archived_at is null"
) -> tuple[str, dict[str, object]]:
    """How many of the account's records meet the tree."""
    from accounts.tenancy import account_scope
    from records import criteria

    with account_scope(account):
        condition = criteria.compile(tree, object_type_id=contact, moment=MOMENT, zone="Europe/Oslo")
    sql = (
        "select count(*) from records_record r where r.account_id = %(account)s and r.object_type_id = %(type)s"
        f"{archived} and {condition.sql}"
    )
    return sql, {**condition.params, "account": account, "type": contact}


def _best_of_rounds(questions: list[tuple[str, dict[str, object]]], *, processes: int, rounds: int = 9) -> list[float]:
    """Milliseconds of each, asked in turn so that what else the machine does burdens all alike.

    Three processes is the most that PostgreSQL uses unless told otherwise.
    """
    best = [float("inf")] * len(questions)
    session = stage.owner()
    with session.cursor() as cursor:
        cursor.execute("select set_config('max_parallel_workers_per_gather', %s, false)", [str(processes - 1)])
        for _ in range(rounds):
            for number, (sql, params) in enumerate(questions):
                began = time.perf_counter()
                cursor.execute(sql, params)
                cursor.fetchall()
                best[number] = min(best[number], (time.perf_counter() - began) * 1_000)
    session.close()
    return best
