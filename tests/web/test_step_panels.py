"""The settings of each step kind, saved as they are edited."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus, Step
from messaging.models import Content
from records.models import List, ListKind
from tests.make import EVERY_RECORD, make_content, make_flow, make_list, make_object_type, make_participant, steps_of
from tests.web.editing import document_of, send, text

NORWAY = {"property": "country", "operator": "eq", "value": "NO"}


def one_step(account: Account, step: Any, **fields: Any) -> tuple[Flow, str]:
    """A flow of one step, and where its settings are saved."""
    with account_scope(account.pk):
        flow = make_flow([step], **fields)
        return flow, f"steps/{steps_of(flow)[0].pk}/"


def settings_of(flow: Flow) -> Any:
    """The settings of its first step."""
    return document_of(flow)["steps"][0]["settings"]


def test_a_wait_is_saved_and_its_card_follows(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, "wait 2 days")
    answer = send(member, flow, place, name="Breathe", settings__amount="3", settings__unit="weeks")
    assert answer.status_code == 200 and settings_of(flow) == {"amount": 3, "unit": "weeks"}
    said = text(answer)
    assert "3 weeks" in said and "Breathe" in said and 'data-state="saved"' in said
    assert 'id="revision-panel" value="2"' in said and 'name="settings.amount"' not in said


def test_without_scripts_saving_leads_back_to_the_step(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, "wait 2 days")
    answer = send(member, flow, place, htmx=False, settings__amount="3", settings__unit="weeks")
    assert answer.status_code == 302 and "?step=" in answer["Location"]


@pytest.mark.parametrize("amount", ["abc", "0", "-1", "1.5", "9" * 30, "²"])
def test_a_wrong_time_is_told_at_its_field_and_not_saved(member: Client, acme: Account, amount: str) -> None:
    flow, place = one_step(acme, "wait 2 days")
    answer = send(member, flow, place, settings__amount=amount, settings__unit="days")
    assert answer.status_code == 422
    assert 'data-for="settings.amount"' in text(answer) and "Not saved: A whole number" in text(answer)
    page = send(member, flow, place, htmx=False, settings__amount=amount, settings__unit="days")
    assert page.status_code == 422 and f'value="{amount}"' in text(page) and 'aria-invalid="true"' in text(page)
    assert settings_of(flow) == {"amount": 2, "unit": "days"}


def test_an_empty_time_is_saved_and_stays_a_problem(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, "wait 2 days")
    answer = send(member, flow, place, settings__amount="", settings__unit="days")
    assert answer.status_code == 200 and settings_of(flow)["amount"] is None
    assert "1 problem" in text(answer) and 'data-for="settings.amount">Say how long to wait.' in text(answer)


def test_who_waits_keeps_their_moment(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, "wait 2 days", status=FlowStatus.PAUSED)
    with account_scope(acme.pk):
        make_participant(flow, step=steps_of(flow)[0])
    page = text(member.get(f"/acme/flows/{flow.pk}/edit/?step={place.split('/')[1]}"))
    assert "1 person stands here." in page and "They keep the moment they already have" in page


def test_an_email_is_chosen_among_the_flows_own_and_shared_contents(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, "send_email")
    with account_scope(acme.pk):
        shared, others = make_content("Shared letter"), make_content("Another flow's", flow_id=flow.pk + 1)
    page = text(member.get(f"/acme/flows/{flow.pk}/edit/?step={place.split('/')[1]}"))
    assert "Shared letter" in page and "Another flow" not in page
    send(member, flow, place, settings__content=str(shared.pk))
    assert settings_of(flow) == {"content": shared.pk}
    assert send(member, flow, place, settings__content="999999").status_code == 422
    with account_scope(acme.pk):
        Step.objects.filter(flow=flow, kind="send_email").update(settings={"content": others.pk})
    page = text(member.get(f"/acme/flows/{flow.pk}/edit/?step={place.split('/')[1]}"))
    assert f'value="{others.pk}" selected' in page and "This content belongs to another flow." in page
    assert send(member, flow, place, name="Letter", settings__content=str(others.pk)).status_code == 200
    assert settings_of(flow) == {"content": others.pk}, "saving something else must not lose it"
    send(member, flow, place, settings__content=str(shared.pk))
    assert send(member, flow, place, settings__content=str(others.pk)).status_code == 422
    assert settings_of(flow) == {"content": shared.pk}


def test_a_new_email_belongs_to_the_flow_and_is_written_next(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, {"kind": "send_email", "settings": {"content": None}})
    answer = send(member, flow, place, do="new_content", name="Welcome home")
    with account_scope(acme.pk):
        made = Content.objects.get(name="Welcome home")
    assert made.flow_id == flow.pk and settings_of(flow) == {"content": made.pk}
    assert answer["HX-Redirect"] == f"/acme/contents/{made.pk}/"
    plain = send(member, flow, place, htmx=False, do="new_content", name="Second")
    assert plain.status_code == 302 and plain["Location"].startswith("/acme/contents/")


def test_a_new_email_that_cannot_be_chosen_is_not_kept(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, {"kind": "send_email", "settings": {"content": None}})
    assert send(member, flow, place, do="new_content", name="Stray", revision=7).status_code == 412
    with account_scope(acme.pk):
        Flow.objects.filter(pk=flow.pk).update(status=FlowStatus.RUNNING)
    assert send(member, flow, place, do="new_content", name="Stray").status_code == 409
    with account_scope(acme.pk):
        assert not Content.objects.exists()


def test_a_list_is_chosen_or_made(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, {"kind": "add_to_list", "settings": {"list": None}})
    with account_scope(acme.pk):
        chosen = make_list("Winter people")
        List.objects.create(name="Computed", kind=ListKind.DYNAMIC, object_type=make_object_type())
    page = text(member.get(f"/acme/flows/{flow.pk}/edit/?step={place.split('/')[1]}"))
    assert "Winter people" in page and "Computed" not in page
    send(member, flow, place, settings__list=str(chosen.pk))
    assert settings_of(flow) == {"list": chosen.pk}
    answer = send(member, flow, place, do="new_list", new_list="Spring people")
    with account_scope(acme.pk):
        made = List.objects.get(name="Spring people")
    assert settings_of(flow) == {"list": made.pk} and 'id="panel"' in text(answer)


def test_a_name_that_is_taken_makes_no_list(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, {"kind": "add_to_list", "settings": {"list": None}})
    with account_scope(acme.pk):
        make_list("Winter people")
    for name in ("Winter people", " "):
        answer = send(member, flow, place, do="new_list", new_list=name)
        assert answer.status_code == 422 and 'data-for="new_list"' in text(answer)
    assert settings_of(flow) == {"list": None}


def test_properties_are_set_cleared_and_left_out(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, {"update_record": {"city": "Oslo"}})
    rows = {
        "values.0.property": "city",
        "values.0.value": "Bergen",
        "values.1.property": "score",
        "values.1.value": "1 200,5",
        "values.2.property": "country",
        "values.2.clear": "on",
        "values.3.property": "phone",
        "values.3.value": "",
        "values.4.property": "",
    }
    answer = send(member, flow, place, **rows)
    assert settings_of(flow) == {"values": {"city": "Bergen", "score": 1200.5, "country": None}}
    assert "except what is not finished" in text(answer)
    assert "City = Bergen, Score = 1\u202f200.5" in text(answer)


def test_a_wrong_value_is_told_at_its_row(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, {"update_record": {"city": "Oslo"}})
    rows = {
        "values.0.property": "city",
        "values.0.value": "Oslo",
        "values.1.property": "score",
        "values.1.value": "many",
    }
    answer = send(member, flow, place, **rows)
    assert answer.status_code == 422 and 'data-for="values.1"' in text(answer)
    assert settings_of(flow) == {"values": {"city": "Oslo"}}


def test_rows_are_added_and_removed_by_the_server(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, {"update_record": {"city": "Oslo"}})
    row = {"values.0.property": "city", "values.0.value": "Oslo"}
    added = text(send(member, flow, place, do="add_value", **row))
    assert 'id="values-1-property"' in added and 'value="Oslo"' in added
    assert 'value="phone"' in added and 'value="consent"' not in added and 'value="updated_at"' not in added
    plain = text(send(member, flow, place, htmx=False, do="add_value", **row))
    assert 'id="values-1-property"' in plain
    send(member, flow, place, do="remove_value values.0", **row)
    assert settings_of(flow) == {"values": {}}


def split_of(flow: Flow) -> Any:
    """Its first step, which is a split."""
    return document_of(flow)["steps"][0]


def test_a_split_gets_named_branches_with_criteria(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, {"split": []})
    added = text(send(member, flow, place, do="add_branch"))
    branch = split_of(flow)["branches"][0]
    assert branch["name"] == "Branch 1" and f'id="branch-label-{branch["id"]}"' in added
    own = f"branch.{branch['id']}"
    fields = {
        f"{own}.name": "Norwegians",
        f"{own}.criteria.match": "all",
        f"{own}.criteria.0.what": "property:country",
        f"{own}.criteria.0.operator": "eq",
        f"{own}.criteria.0.value": "NO",
    }
    answer = text(send(member, flow, place, **fields))
    saved = split_of(flow)["branches"]
    assert saved[0]["name"] == "Norwegians" and saved[0]["criteria"] == {"all": [NORWAY]}
    assert [each["is_everyone_else"] for each in saved] == [False, True]
    assert "Norwegians" in answer and "Country is NO." in answer


def test_an_unfinished_condition_keeps_the_saved_one_and_saves_the_rest(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, {"split": [(NORWAY, [])]})
    own = f"branch.{split_of(flow)['branches'][0]['id']}"
    fields = {f"{own}.name": "North", f"{own}.criteria.match": "all", f"{own}.criteria.0.what": "property:country"}
    answer = text(send(member, flow, place, **fields))
    assert "except what is not finished" in answer and "Not finished, so not saved yet." in answer
    assert split_of(flow)["branches"][0]["name"] == "North"
    assert split_of(flow)["branches"][0]["criteria"] == NORWAY


def test_changing_the_property_draws_the_panel_anew_with_what_was_typed(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, {"split": [(NORWAY, [])]})
    own = f"branch.{split_of(flow)['branches'][0]['id']}"
    fields = {f"{own}.criteria.match": "all", f"{own}.criteria.0.what": "property:score"}
    answer = text(send(member, flow, place, redraw="1", **fields))
    assert "is at least" in answer and 'id="panel"' in answer
    assert 'value="property:score" selected' in answer


def test_branches_change_places_but_everyone_else_stays_last(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, {"split": [(EVERY_RECORD, []), (NORWAY, [])]})
    first, second, last = (each["id"] for each in split_of(flow)["branches"])
    send(member, flow, place, do=f"move_branch_up {second}")
    assert [each["id"] for each in split_of(flow)["branches"]] == [second, first, last]
    for do in (f"move_branch_down {first}", f"move_branch_up {last}", f"move_branch_up {second}", "move_branch_up 99"):
        send(member, flow, place, do=do)
        assert [each["id"] for each in split_of(flow)["branches"]] == [second, first, last], do


def test_a_branch_goes_with_its_steps_but_not_with_people_in_it(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, {"split": [(EVERY_RECORD, ["wait 1 days"]), (NORWAY, [])]}, status=FlowStatus.PAUSED)
    first, second, last = (each["id"] for each in split_of(flow)["branches"])
    with account_scope(acme.pk):
        make_participant(flow, step=steps_of(flow, "wait")[0])
    refused = send(member, flow, place, do=f"remove_branch {first}")
    assert refused.status_code == 409 and "1 person on “Wait”" in text(refused)
    assert 'id="panel"' not in text(refused)
    send(member, flow, place, do=f"remove_branch {second}")
    assert [each["id"] for each in split_of(flow)["branches"]] == [first, last]
    assert send(member, flow, place, do=f"remove_branch {last}").status_code == 422
    assert len(split_of(flow)["branches"]) == 2


def test_a_name_that_looks_like_markup_stays_text(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, "wait 2 days")
    answer = text(
        send(member, flow, place, name="<script>alert(1)</script>", settings__amount="2", settings__unit="days")
    )
    assert "<script>" not in answer and "&lt;script&gt;" in answer
