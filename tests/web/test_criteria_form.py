"""Criteria as a form, there and back."""

from typing import Any

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string

from accounts.actors import Actor, read_by
from accounts.models import Account, Member, User
from accounts.rights import Role
from accounts.tenancy import account_scope
from records.models import ObjectType
from tests.make import make_content, make_flow, make_list, make_object_type, make_property
from web import criteria_builder
from web.criteria_builder import Builder, Vocabulary
from web.criteria_rows import Group, Row

NAME = "filter"


def fields(group: Group) -> dict[str, list[str]]:
    """What a browser posts of a form."""
    posted = {f"{group.name}.match": [group.match]}
    if group.about:
        posted |= {f"{group.name}.about": [group.about]}
    if group.is_primary:
        posted |= {f"{group.name}.primary": ["on"]}
    for member in group.members:
        if isinstance(member, Group):
            posted |= fields(member)
        else:
            posted |= _row(member)
    return posted


def _row(row: Row) -> dict[str, list[str]]:
    own = {"what": [row.what], "operator": [row.operator], "value": row.values, "other": [row.other]}
    if row.what == "flow":
        own["status"] = [row.status]
    if row.what == "event":
        own |= {"event": [row.event], "times": [row.times], "days": [row.days]}
        own |= {"since": [row.since], "until": [row.until]}
        own |= {"content": [row.content], "list": [row.chosen_list], "url": [row.link], "drawn": [row.event]}
        own |= {"detail_key": [key for key, _ in row.details], "detail_value": [value for _, value in row.details]}
    return {f"{row.name}.{key}": value for key, value in own.items()} | (
        {f"{row.name}.unknown": ["on"]} if row.unknown else {}
    )


def post(posted: dict[str, Any], *, stored: Any = None, do: str = "") -> Builder:
    """The builder of what was posted, checked."""
    data = QueryDict(mutable=True)
    for key, value in posted.items():
        data.setlist(key, value if isinstance(value, list) else [value])
    if do:
        data["do"] = do
    builder = criteria_builder.of_post(data, NAME, stored=stored)
    criteria_builder.check([builder], Vocabulary.of(contact()))
    return builder


def contact() -> ObjectType:
    """The type that the criteria are about, with a choice."""
    make_property("colour", "choice", options=["Red", "Blue"])
    make_property("member", "boolean")
    return make_object_type()


def test_every_tree_comes_back_as_it_went(in_acme: Account) -> None:
    contact()
    chosen, flow, content = make_list(), make_flow(), make_content()
    make_property("topics", "multiple_choice", options=["Skiing", "Sauna"])
    make_property("looked_after_by", "owner")
    member = Member.objects.create(user=User.objects.create_user("olga@acme.example"))
    for tree in (
        {"all": [{"property": "country", "operator": "eq", "value": "NO"}]},
        {"property": "country", "operator": "eq", "value": "NO"},
        {
            "any": [
                {"property": "score", "operator": "between", "value": [1, 50]},
                {"list": chosen.pk, "operator": "in"},
            ]
        },
        {"not": {"any": [{"list": chosen.pk, "operator": "not_in"}]}},
        {
            "all": [
                {"property": "country", "operator": "known"},
                {"any": [{"property": "colour", "operator": "in", "value": ["Red", "Blue"]}]},
            ]
        },
        {"all": [{"property": "country", "operator": "ne", "value": "NO", "include_unknown": True}]},
        {"all": [{"property": "member", "operator": "eq", "value": True}]},
        {"all": [{"property": "date_of_birth", "operator": "in_last_days", "value": 7}]},
        {"all": [{"property": "country", "operator": "in", "value": ["NO", "SE"]}]},
        {"all": [{"property": "country", "operator": "never_was", "value": "NO", "include_unknown": True}]},
        {"all": [{"property": "colour", "operator": "ever_was", "value": "Red"}]},
        {"all": [{"property": "topics", "operator": "not_changed_in_last_days", "value": 30}]},
        {"all": [{"property": "topics", "operator": "contains_any", "value": ["Skiing", "Sauna"]}]},
        {"all": [{"property": "topics", "operator": "is_not_exactly", "value": ["Sauna"], "include_unknown": True}]},
        {"all": [{"property": "looked_after_by", "operator": "in", "value": [member.pk]}]},
        {"all": [{"property": "looked_after_by", "operator": "eq", "value": member.pk}]},
        {"all": [{"property": "renewal_date", "operator": "gt_property", "value": "date_of_birth"}]},
        {"all": [{"property": "consent", "operator": "ne", "value": "given"}]},
        {"all": [{"property": "created_on", "operator": "gt", "value": "2027-01-31T10:00:00Z"}]},
        {"all": [{"property": "renewal_date", "operator": "this_quarter"}]},
        {"all": [{"flow": flow.pk, "operator": "in"}]},
        {"any": [{"flow": flow.pk, "operator": "not_in", "status": "finished_with_success"}]},
        {"all": [{"event": "link_clicked"}, {"event": "unsubscribed", "happened": False, "within_days": 30}]},
        {"all": [{"event": "link_clicked", "detail": {"content_id": content.pk, "url": "https://a.no"}}]},
        {"all": [{"event": "link_clicked", "detail": {"content_id": "7", "url": ""}}]},
        {"all": [{"event": "message_failed", "detail": {"url": "https://a.no"}}]},
        {"any": [{"event": "link_clicked", "since": "2027-03-01", "until": "2027-03-31"}]},
        {"any": [{"event": "link_clicked", "since": "2027-03-01"}, {"event": "link_clicked", "until": "2027-03-31"}]},
        {"any": [{"event": "list_joined", "detail": {"list": chosen.pk, "flow": flow.pk}}]},
        {"any": [{"event": "list_left", "happened": False, "detail": {"list": -1}}]},
        {
            "all": [
                {"event": "custom.order", "at_least": 3, "detail": {"size": "XL", "no": 7, "text": "7", "gift": True}}
            ]
        },
        {
            "all": [
                {"associated": "company", "where": {"all": [{"property": "employees", "operator": "gt", "value": 5}]}}
            ]
        },
        {
            "any": [
                {"property": "country", "operator": "known"},
                {
                    "associated": "company",
                    "where": {"not": {"any": [{"property": "country", "operator": "eq", "value": "NO"}]}},
                    "primary": True,
                },
            ]
        },
    ):
        shown = criteria_builder.of_tree(tree, NAME)
        again = post(fields(shown.root), stored=tree)
        assert again.is_good, (tree, again.faults)
        assert again.tree == tree
        assert again.sentence


def test_a_condition_made_elsewhere_is_kept(in_acme: Account) -> None:
    contact()
    shown = criteria_builder.of_tree({"all": [{"participation": 7, "status": "active"}]}, NAME)
    posted = fields(shown.root)
    builder = post(posted)
    assert builder.tree == {"all": [{"participation": 7, "status": "active"}]}
    assert not builder.is_good, "nobody here knows it, so it is refused and the stored tree stays"


def test_buttons_add_and_remove_rows_and_groups(in_acme: Account) -> None:
    row = {
        "filter.match": "all",
        "filter.0.what": "property:country",
        "filter.0.operator": "eq",
        "filter.0.value": "NO",
    }
    more = post(row, do="add_row filter").root
    assert [member.name for member in more.members] == ["filter.0", "filter.1"]
    grouped = post(row, do="add_group filter").root.members[1]
    assert isinstance(grouped, Group) and (grouped.match, grouped.members[0].name) == ("any", "filter.1.0")
    nested = {**row, "filter.1.match": "none", "filter.1.0.what": "", "filter.1.1.what": ""}
    fewer = post(nested, do="remove filter.1.0").root.members[1]
    assert isinstance(fewer, Group) and len(fewer.members) == 1
    assert len(post(nested, do="remove filter.1").root.members) == 1
    across = post(row, do="add_associated filter company").root.members[1]
    assert isinstance(across, Group) and (across.about, across.members[0].name) == ("company", "filter.1.0")


def test_a_fault_about_an_associated_record_is_told_at_its_row(in_acme: Account) -> None:
    row = {
        "filter.match": "all",
        "filter.0.match": "any",
        "filter.0.about": "company",
        "filter.0.0.what": "property:employees",
        "filter.0.0.operator": "gt",
        "filter.0.0.value": "many",
        "filter.1.what": "event",
        "filter.1.event": "link_clicked",
        "filter.1.times": "often",
    }
    assert set(post(row).faults) == {"filter.0.0", "filter.1"}


def test_another_builders_button_changes_nothing_here(in_acme: Account) -> None:
    row = {"filter.match": "all", "filter.0.what": "property:country"}
    assert len(post(row, do="add_row unenrolment").root.members) == 1
    assert len(post(row, do="add_row filterless").root.members) == 1


def test_an_unfinished_row_keeps_the_stored_tree(in_acme: Account) -> None:
    stored = {"all": [{"property": "country", "operator": "eq", "value": "NO"}]}
    for row in (
        {"filter.0.what": "property:country", "filter.0.operator": "eq", "filter.0.value": " "},
        {"filter.0.what": "list", "filter.0.value": ""},
        {"filter.0.what": "list", "filter.0.value": "9" * 5_000},
        {"filter.0.what": "property:score", "filter.0.operator": "between", "filter.0.value": ["1", ""]},
        {"filter.0.match": "any"},
    ):
        builder = post({"filter.match": "all", **row}, stored=stored)
        assert not builder.is_finished and builder.to_save == stored, row


def test_no_row_chosen_means_no_criteria(in_acme: Account) -> None:
    assert post({"filter.match": "all", "filter.0.what": ""}, stored={"all": []}).to_save is None
    promised = post({"filter.match": "all", "filter.0.what": "", "filter.scope": "some"}, stored={"all": []})
    assert not promised.is_finished and promised.to_save == {"all": []}


def test_every_record_is_said_by_its_own_choice(in_acme: Account) -> None:
    assert post({"filter.match": "all", "filter.scope": "every"}).to_save == {"all": []}
    assert post({"filter.match": "all", "filter.scope": ""}).to_save is None
    assert criteria_builder.of_tree({"all": []}, NAME).scope == "every"


@pytest.mark.parametrize(
    ("what", "operator", "value"),
    [("score", "eq", "many"), ("date_of_birth", "eq", "yesterday"), ("colour", "eq", "Green"), ("gone", "eq", "x")],
)
def test_a_wrong_value_is_told_at_its_row(in_acme: Account, what: str, operator: str, value: str) -> None:
    row = {"filter.0.0.what": f"property:{what}", "filter.0.0.operator": operator, "filter.0.0.value": value}
    builder = post({"filter.match": "all", "filter.0.match": "none", **row})
    assert list(builder.faults) == ["filter.0.0"]
    assert builder.to_save is None


def test_the_past_of_a_property_is_offered_where_the_log_tells_it(in_acme: Account) -> None:
    known = Vocabulary.of(contact()).properties
    past = [("ever_was", "is or was ever"), ("changed_in_last_days", "changed in the last … days")]
    offered = criteria_builder.operator_choices(known["country"])
    assert [each for each in past if each in offered] == past
    assert not {"ever_was", "changed_in_last_days"} & {
        name for name, _ in criteria_builder.operator_choices(known["consent"])
    }
    moved = {"filter.0.what": "property:created_at", "filter.0.operator": "changed_in_last_days", "filter.0.value": "7"}
    assert post({"filter.match": "all", **moved}).root.members[0].operator == "eq"


def test_what_a_property_was_may_be_a_choice_that_is_gone(in_acme: Account) -> None:
    tree = {"property": "colour", "operator": "ever_was", "value": "Green"}
    builder = post(fields(criteria_builder.of_tree(tree, NAME).root))
    assert builder.tree == {"all": [tree]} and not builder.faults
    words = {"builder": builder, "vocabulary": Vocabulary.of(contact()), "redraw_url": "/", "count_url": "/"}
    held = '<option value="Green" selected>Green</option>'
    assert held in render_to_string("components/_criteria.html", words)
    (row,) = builder.root.members
    assert isinstance(row, Row)
    row.operator = "eq"
    assert held not in render_to_string("components/_criteria.html", words)


def test_an_operator_that_does_not_fit_the_new_property_gives_way_to_the_first_that_does(in_acme: Account) -> None:
    row = {"filter.0.what": "property:score", "filter.0.operator": "contains", "filter.0.value": "5"}
    assert post({"filter.match": "all", **row}).tree == {"all": [{"property": "score", "operator": "eq", "value": 5}]}


def test_junk_names_do_no_harm(in_acme: Account) -> None:
    junk = {
        "filter.x.what": "a",
        "filter..": "b",
        "filter.9999999.what": "c",
        "filter" + ".0" * 40 + ".what": "d",
        "filter.²": "e",
    }
    assert post({"filter.match": "nonsense", **junk}).to_save is None


def test_brackets_without_end_are_a_text_and_no_condition(in_acme: Account) -> None:
    brackets = "[" * 100_000
    event = {"filter.0.what": "event", "filter.0.event": "custom.moved", "filter.0.detail_key": "to"}
    found = post({"filter.match": "all", **event, "filter.0.detail_value": brackets})
    assert found.tree == {"all": [{"event": "custom.moved", "detail": {"to": brackets}}]} and found.faults
    assert not post({"filter.match": "all", "filter.0.what": "other", "filter.0.other": brackets}).is_finished


def test_many_builders_cost_as_many_queries_as_one(in_acme: Account, django_assert_num_queries: Any) -> None:
    tree = {
        "all": [{"property": "country", "operator": "eq", "value": "NO"}, {"list": make_list().pk, "operator": "in"}]
    }
    for amount in (1, 5):
        builders = [criteria_builder.of_tree(tree, f"branch.{n}.criteria") for n in range(amount)]
        vocabulary = Vocabulary.of(contact())
        with django_assert_num_queries(4):
            criteria_builder.check(builders, vocabulary)


def test_many_conditions_cost_as_many_queries_as_one(in_acme: Account, django_assert_num_queries: Any) -> None:
    flows = [make_flow() for _ in range(10)]
    leaves: list[dict[str, Any]] = [
        leaf
        for flow in flows
        for leaf in (
            {"event": "link_clicked", "detail": {"content_id": make_content(flow_id=flow.pk).pk}},
            {"event": "flow_enrolled", "detail": {"flow": flow.pk}},
            {"event": "list_joined", "detail": {"list": make_list().pk}},
            {"flow": flow.pk, "operator": "in"},
        )
    ]
    for some in (leaves[:4], leaves):
        builder, vocabulary = criteria_builder.of_tree({"any": some}, NAME), Vocabulary.of(contact())
        with django_assert_num_queries(7):
            criteria_builder.check([builder], vocabulary)
        assert builder.is_good


def test_a_condition_about_a_flow_says_what_is_wrong_at_its_row(in_acme: Account, globex: Account) -> None:
    with account_scope(globex.pk):
        theirs = make_flow()
    flow = make_flow(name="Onboarding")
    row = {"filter.match": "all", "filter.0.what": "flow", "filter.0.operator": "in", "filter.0.value": str(flow.pk)}
    good = post({**row, "filter.0.status": "finished"})
    assert good.tree == {"all": [{"flow": flow.pk, "operator": "in", "status": "finished"}]}
    assert good.sentence == "is finished in the flow “Onboarding”"
    assert not post({**row, "filter.0.value": ""}).is_finished
    assert post({**row, "filter.0.value": str(theirs.pk)}).faults == {"filter.0": "There is no such flow."}
    assert list(post({**row, "filter.0.status": "asleep"}).faults) == ["filter.0"]


def test_flows_of_the_records_own_type_are_offered_to_those_who_may_see_them(in_acme: Account) -> None:
    open_to_all, private = make_flow(name="Onboarding"), make_flow(name="Secret", visibility="owner")
    deals = make_flow(name="Renewals", object_type=make_object_type("deal"))
    known = Vocabulary.of(contact())
    assert known.flows == {str(open_to_all.pk): "Onboarding"}
    assert known.associated["deal"].flows == {str(deals.pk): "Renewals"}
    with read_by(Actor(in_acme.pk, Role.OWNER, "Olga")):
        assert str(private.pk) in Vocabulary.of(contact()).flows


def event_row(**fields: Any) -> dict[str, Any]:
    """A form with one condition about an event."""
    return {"filter.match": "all", **{f"filter.0.{key}": value for key, value in {"what": "event", **fields}.items()}}


def test_an_event_is_asked_for_by_what_it_was_about(in_acme: Account) -> None:
    content, chosen = make_content("Welcome"), make_list("VIP")
    clicked = post(event_row(event="link_clicked", content=str(content.pk), url=" https://a.no "))
    assert clicked.tree["all"] == [
        {"event": "link_clicked", "detail": {"content_id": content.pk, "url": "https://a.no"}}
    ]
    assert clicked.sentence == "“Link clicked” happened with content “Welcome”, link “https://a.no”"
    joined = post(event_row(event="list_joined", list=str(chosen.pk)))
    assert joined.tree["all"] == [{"event": "list_joined", "detail": {"list": chosen.pk}}]
    assert joined.sentence == "“Put on a list” happened with list “VIP”"
    assert post(event_row(event="link_clicked", content="", url="")).tree == {"all": [{"event": "link_clicked"}]}
    assert not post(event_row(event="link_clicked", content="Welcome")).is_finished


def test_an_event_is_asked_for_in_some_days_or_between_two(in_acme: Account) -> None:
    asked = post(event_row(event="link_clicked", since="2027-03-01", until=""))
    assert asked.tree["all"] == [{"event": "link_clicked", "since": "2027-03-01"}]
    assert asked.sentence == "“Link clicked” happened since 1 March 2027"
    both = post(event_row(event="link_clicked", since="2027-03-01", days="7"))
    assert both.faults == {"filter.0": "Give either a number of days, or the first and the last day."}


def test_another_event_takes_nothing_over_that_was_written_about_the_one_before(in_acme: Account) -> None:
    written = {"detail_key": ["size"], "detail_value": ["XL"], "content": "7", "drawn": "custom.order"}
    assert post(event_row(event="list_joined", **written)).tree == {"all": [{"event": "list_joined"}]}
    kept = post(event_row(event="custom.order", **written)).tree
    assert kept == {"all": [{"event": "custom.order", "detail": {"size": "XL"}}]}


def test_the_fields_of_an_event_are_those_of_what_it_is_about(in_acme: Account) -> None:
    flow = make_flow(name="Onboarding")
    secret = make_flow(name="Secret", visibility="owner")
    shared, own = make_content("Welcome"), make_content("Hello", flow_id=flow.pk)
    hidden, vip = make_content("Hush", flow_id=secret.pk), make_list("VIP")

    def drawn(**node: Any) -> str:
        builder = criteria_builder.of_tree({"all": [node]}, NAME)
        words = {"builder": builder, "vocabulary": Vocabulary.of(contact()), "redraw_url": "/", "count_url": "/"}
        return render_to_string("components/_criteria.html", words)

    page = drawn(event="link_clicked", detail={"content_id": own.pk})
    assert f'<optgroup label="Shared"><option value="{shared.pk}">Welcome</option></optgroup>' in page
    assert f'<optgroup label="Onboarding"><option value="{own.pk}" selected>Hello</option>' in page
    assert "filter.0.url" in page and "detail_key" not in page and "Hush" not in page
    page = drawn(event="message_failed", detail={"content_id": hidden.pk, "flow": flow.pk})
    assert f'<option value="{hidden.pk}" selected>a content of somebody else' in page
    assert "filter.0.url" not in page and page.count("detail_key") == 1, "what the API set stays to be seen"
    page = drawn(event="list_left", detail={"list": vip.pk})
    assert f'<option value="{vip.pk}" selected>VIP</option>' in page and "filter.0.content" not in page
    page = drawn(event="custom.order", detail={"size": "XL"})
    assert page.count("detail_key") == 2 and "filter.0.list" not in page
    assert "detail_key" not in drawn(event="record_created")


def test_the_values_of_any_of_stand_one_on_each_line(in_acme: Account) -> None:
    builder = criteria_builder.of_tree({"property": "city", "operator": "in", "value": ["Umeå", "Åre & Ås"]}, NAME)
    words = {"builder": builder, "vocabulary": Vocabulary.of(contact()), "redraw_url": "/", "count_url": "/"}
    assert ">Umeå\nÅre &amp; Ås</textarea>" in render_to_string("components/_criteria.html", words)
