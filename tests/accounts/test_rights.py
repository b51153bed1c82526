"""The table of rights, written out a second time as the documentation shows it."""

import pytest

from accounts.actors import Actor
from accounts.rights import MATRIX, NEEDS, Right, Role, allowed

TABLE = """
              owner  admin  flow_admin  marketer  viewer
see           yes    yes    yes         yes       yes
operate       yes    yes    yes         yes       no
edit_content  yes    yes    yes         yes       no
edit_flows    yes    yes    yes         no        no
edit_schema   yes    yes    yes         no        no
administer    yes    yes    no          no        no
"""
_ROLES, *_LINES = (line.split() for line in TABLE.strip().splitlines())
CELLS = [(right, role, word == "yes") for right, *words in _LINES for role, word in zip(_ROLES, words, strict=True)]


@pytest.mark.parametrize(("right", "role", "expected"), CELLS)
def test_a_role_has_exactly_the_rights_of_the_table(right: str, role: str, expected: bool) -> None:
    assert allowed(role, Right(right)) is expected
    assert Actor(account_id=1, role=role, name="Someone").may(Right(right)) is expected


def test_the_table_covers_every_right_and_role() -> None:
    assert set(_ROLES) == set(Role.values)
    assert [right for right, *_ in _LINES] == [right.value for right in Right]
    assert set(MATRIX) == set(NEEDS) == set(Right)


@pytest.mark.parametrize("role", ["", "Owner", "superuser", "editor"])
def test_an_unknown_role_may_nothing(role: str) -> None:
    assert not any(allowed(role, right) for right in Right)


def test_the_refusal_of_a_right_names_every_role_that_has_it_but_the_higher_ones() -> None:
    """Someone who is refused should know whom to ask."""
    for right in (Right.OPERATE, Right.EDIT_CONTENT, Right.EDIT_FLOWS, Right.EDIT_SCHEMA, Right.ADMINISTER):
        lowest = [role for role in Role if role in MATRIX[right]][-1]
        assert str(lowest.label).lower() in str(NEEDS[right])


def test_flyt_itself_may_everything_and_is_no_person() -> None:
    flyt = Actor.flyt(7)
    assert all(flyt.may(right) for right in Right)
    assert (flyt.account_id, flyt.name, flyt.user_id, flyt.key_id) == (7, "Flyt", None, None)
