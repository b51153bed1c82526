"""The operator's commands: each says what is wrong, and may be run again."""

import json
import stat
from pathlib import Path

import pytest
from django.conf import settings as installed
from django.core.management import CommandError, call_command
from django.test import Client
from django_celery_beat.models import PeriodicTask

from accounts.models import Account, ApiKey, Member, User
from accounts.rights import Role
from accounts.sign_in import key_actor, member_actor
from accounts.tenancy import account_scope, every_account
from config.celery import app
from flows.models import Flow, FlowStatus
from messaging.models import SubscriptionType
from records.models import ObjectType, Record
from tests.rules.sources import functions, sources


def account_named(slug: str) -> Account:
    """An account by its slug."""
    with every_account():
        return Account.objects.get(slug=slug)


# --- config/beat.py ---------------------------------------------------------------------------------------


def test_every_house_job_is_a_task_that_workers_know(db: None) -> None:
    app.loader.import_default_modules()
    assert {job.task for job in installed.HOUSE_JOBS} <= set(app.tasks)


def test_every_house_job_that_is_declared_is_on_the_list() -> None:
    declared = {
        f"{source.path.removesuffix('.py').replace('/', '.')}.{node.name}"
        for source in sources()
        for _name, node in functions(source.tree)
        for decorator in getattr(node, "decorator_list", [])
        if getattr(getattr(decorator, "func", None), "id", "") == "house_job"
    }
    assert declared == {job.task for job in installed.HOUSE_JOBS}


def test_beat_adds_no_job_of_its_own() -> None:
    assert not app.conf.result_expires


# --- make_account -----------------------------------------------------------------------------------------


def open_account(name: str = "Lärkträdgården", email: str = "asa@example.com", **options: str) -> None:
    """Run the command."""
    call_command("make_account", name, email=email, **options)


def test_an_account_has_an_owner_object_types_and_a_subscription_type(db: None) -> None:
    open_account(password="a long enough word")
    account = account_named("larktradgarden")
    found = member_actor(User.objects.get(email="asa@example.com"), "larktradgarden")
    assert found and found[1].role == Role.OWNER
    with account_scope(account.pk):
        assert {"contact", "company"} <= set(ObjectType.objects.values_list("key", flat=True))
        assert SubscriptionType.objects.count() == 1
    assert Client().login(username="asa@example.com", password="a long enough word")


def test_an_account_has_the_country_that_the_operator_names_or_none(db: None) -> None:
    open_account("One")
    open_account("Two", email="bo@example.com", country="se")
    assert [account_named(slug).country for slug in ("one", "two")] == ["", "SE"]
    with pytest.raises(CommandError, match="Sweden is no country"):
        open_account("Three", email="cy@example.com", country="Sweden")


def test_without_a_password_one_is_made_and_shown(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    open_account()
    password = capsys.readouterr().out.split("Password: ")[1].strip()
    assert Client().login(username="asa@example.com", password=password)


def test_somebody_known_becomes_the_owner_and_keeps_the_password(db: None) -> None:
    open_account("One", password="a long enough word")
    open_account("Two", email="ASA@example.com")
    assert User.objects.count() == 1
    assert Client().login(username="asa@example.com", password="a long enough word")
    assert member_actor(User.objects.get(), "two")


def test_the_same_name_twice_gives_two_addresses(db: None) -> None:
    for number in range(3):
        open_account("Acme", email=f"{number}@example.com")
    with every_account():
        assert sorted(Account.objects.values_list("slug", flat=True)) == ["acme", "acme-2", "acme-3"]


def test_a_name_without_letters_still_gets_an_address(db: None) -> None:
    open_account("日本")
    assert account_named("account-2").name == "日本"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "  "}, "Write a name"),
        ({"email": "nobody"}, "valid email"),
        ({"password": "short"}, "too short"),
        ({"slug": "api"}, "cannot be part of an address"),
        ({"slug": "Not A Slug"}, "cannot be part of an address"),
        ({"slug": "taken"}, "another account's address"),
        ({"email": "known@example.com", "password": "a long enough word"}, "has a password already"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_left_behind(db: None, options: dict[str, str], says: str) -> None:
    open_account("Taken", email="known@example.com", slug="taken")
    before = User.objects.count()
    with pytest.raises(CommandError, match=says):
        open_account(**{"name": "Acme", **options})
    assert User.objects.count() == before
    with every_account():
        assert Account.objects.count() == 1


def test_no_address_of_ours_can_be_an_accounts(db: None) -> None:
    from config.urls import urlpatterns as outer
    from web import person_urls, urls
    from web.opening import RESERVED

    first = {str(each.pattern).split("/")[0] for each in [*outer, *person_urls.urlpatterns, *urls.urlpatterns]}
    assert {part for part in first if part and "<" not in part} <= RESERVED


# --- make_demo --------------------------------------------------------------------------------------------


def make_demo(path: Path) -> dict[str, str]:
    """Run the command and read its file."""
    call_command("make_demo", credentials=path)
    return dict(json.loads(path.read_text()))


def test_the_demo_login_and_key_work_and_only_the_owner_may_read_the_file(db: None, tmp_path: Path) -> None:
    demo = make_demo(tmp_path / "new" / "demo.json")
    assert stat.S_IMODE((tmp_path / "new" / "demo.json").stat().st_mode) == 0o600
    client = Client()
    assert client.login(username=demo["email"], password=demo["password"])
    assert client.get(demo["address"]).status_code == 200
    actor = key_actor(demo["api_key"])
    assert actor and (actor.role, actor.account_id) == (Role.ADMIN, account_named(demo["account"]).pk)


def test_the_demo_has_the_example_in_it(db: None, tmp_path: Path) -> None:
    account = account_named(make_demo(tmp_path / "demo.json")["account"])
    assert account.is_demo
    with account_scope(account.pk):
        flows = Flow.objects.all()
        assert {flow.status for flow in flows} == set(FlowStatus.values) and all(flow.owner for flow in flows)


def test_a_second_demo_changes_nothing(db: None, tmp_path: Path) -> None:
    first = make_demo(tmp_path / "demo.json")
    account = account_named(first["account"])
    with account_scope(account.pk):
        Flow.objects.update(name="Renamed")
        people = Record.objects.count()
    assert make_demo(tmp_path / "demo.json") == first
    with account_scope(account.pk):
        assert [flow.name for flow in Flow.objects.all()] == ["Renamed"] * 3
        assert Record.objects.count() == people and ApiKey.objects.count() == 1 and Member.objects.count() == 1


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("{"), lambda path: path.write_text("[]")])
def test_a_lost_or_damaged_file_gives_a_new_login_and_closes_the_old_key(db: None, tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "demo.json"
    first = make_demo(path)
    damage(path)
    second = make_demo(path)
    assert second["password"] != first["password"]
    assert key_actor(first["api_key"]) is None and key_actor(second["api_key"])
    assert Client().login(username=second["email"], password=second["password"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_of_another_database_is_replaced(db: None, tmp_path: Path) -> None:
    path = tmp_path / "demo.json"
    path.write_text(json.dumps({"api_key": "flyt_of_elsewhere", "password": "x"}))
    demo = make_demo(path)
    assert key_actor(demo["api_key"])
    path.write_text(json.dumps({**demo, "api_key": "flyt_of_elsewhere"}))
    assert key_actor(make_demo(path)["api_key"])


def test_a_place_that_cannot_be_written_is_named(db: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match=r"Cannot write .*file/demo\.json"):
        make_demo(tmp_path / "file" / "demo.json")


# --- get_ready --------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_machine_is_made_ready_by_one_command_twice(tmp_path: Path) -> None:
    path = tmp_path / "demo.json"
    call_command("get_ready", credentials=path, verbosity=0)
    first = path.read_text()
    call_command("get_ready", credentials=path, verbosity=0)
    assert path.read_text() == first
    assert PeriodicTask.objects.count() == len(installed.HOUSE_JOBS)
    assert Client().get("/login/").status_code == 200
