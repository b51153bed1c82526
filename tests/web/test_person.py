"""What belongs to a person: name, language, and the places where they are logged in."""

from collections.abc import Callable

import pytest
from allauth.usersessions.models import UserSession
from django.db import connection
from django.template.loader import get_template
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from accounts.models import Account, User
from tests.web.conftest import PASSWORD, make_member, make_person
from web.person_urls import urlpatterns
from web.sessions import device

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1"


@pytest.fixture
def ada(acme: Account) -> User:
    """An owner in Acme."""
    return make_member(acme, user=make_person("ada@example.com", name="Ada"))


def logged_in(user_agent: str = FIREFOX) -> Client:
    """A browser in which Ada has logged in."""
    client = Client(HTTP_USER_AGENT=user_agent)
    client.post("/login/", {"login": "ada@example.com", "password": PASSWORD})
    return client


def test_name_and_language_are_saved_and_spoken_everywhere(ada: User) -> None:
    client = logged_in()
    assert client.post("/me/", {"name": "Ada Ås", "language": "sv"})["Location"] == "/me/"
    ada.refresh_from_db()
    assert (ada.name, ada.language) == ("Ada Ås", "sv")
    for page in ("/me/", "/me/sessions/", "/acme/flows/", "/nothing/at/all/"):
        assert 'lang="sv"' in client.get(page, headers={"accept-language": "nb"}).content.decode(), page


def test_without_a_choice_the_browser_decides(ada: User) -> None:
    client = logged_in()
    assert 'lang="nb"' in client.get("/me/", headers={"accept-language": "nb"}).content.decode()
    client.post("/me/", {"name": "Ada", "language": ""})
    assert 'lang="sv"' in client.get("/acme/flows/", headers={"accept-language": "sv"}).content.decode()


@pytest.mark.parametrize("fields", [{"name": " ", "language": "sv"}, {"name": "Ada", "language": "xx"}])
def test_nonsense_is_not_saved(ada: User, fields: dict[str, str]) -> None:
    assert logged_in().post("/me/", fields).status_code == 422
    ada.refresh_from_db()
    assert (ada.name, ada.language) == ("Ada", "")


def test_every_session_is_listed_this_one_first(ada: User) -> None:
    logged_in(IPHONE)
    here = logged_in()
    page = here.get("/me/sessions/").content.decode()
    assert page.index("Firefox on Linux") < page.index("This one") < page.index("Safari on iPhone")


def test_one_session_is_ended_and_the_others_stay(ada: User) -> None:
    phone, tablet, here = logged_in(IPHONE), logged_in(), logged_in()
    lost = UserSession.objects.get(session_key=phone.session.session_key)
    assert here.post(f"/me/sessions/{lost.pk}/end/")["Location"] == "/me/sessions/"
    assert phone.get("/me/").status_code == 302
    assert tablet.get("/me/").status_code == here.get("/me/").status_code == 200
    assert here.post(f"/me/sessions/{lost.pk}/end/").status_code == 404, "it has ended"


def test_all_others_are_ended_at_once(ada: User) -> None:
    phone, tablet, here = logged_in(IPHONE), logged_in(), logged_in()
    here.post("/me/sessions/end/")
    assert [each.get("/me/").status_code for each in (phone, tablet, here)] == [302, 302, 200]
    assert "End all others" not in here.get("/me/sessions/").content.decode()


def test_nobody_ends_the_session_of_another(ada: User, nobody: Client) -> None:
    here = logged_in()
    nobody.force_login(make_person())
    own = UserSession.objects.get(session_key=here.session.session_key)
    assert nobody.post(f"/me/sessions/{own.pk}/end/").status_code == 404
    nobody.post("/me/sessions/end/")
    assert here.get("/me/").status_code == 200


def test_ending_takes_a_post(ada: User) -> None:
    here = logged_in()
    assert here.get("/me/sessions/end/").status_code == 405
    assert here.get("/me/sessions/1/end/").status_code == 405


def test_the_list_costs_the_same_however_many(ada: User) -> None:
    here = logged_in()
    with CaptureQueriesContext(connection) as few:
        here.get("/me/sessions/")
    for _ in range(5):
        logged_in()
    with CaptureQueriesContext(connection) as many:
        here.get("/me/sessions/")
    assert len(few) == len(many)


@pytest.mark.parametrize(
    ("user_agent", "says"),
    [
        (FIREFOX, "Firefox on Linux"),
        (IPHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0", "Edge on Windows"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/537.36 Chrome/130 Safari/537.36",
            "Chrome on macOS",
        ),
        ("curl/8.0", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_browsers_are_called_by_their_names(user_agent: str, says: str) -> None:
    assert device(user_agent) == says


def test_no_page_of_allauth_is_shown_as_it_comes() -> None:
    """Every address that is mounted is listed in our table, and every template that its view names is ours."""
    names = {pattern.name for pattern in urlpatterns}
    assert {name for name in get_resolver().reverse_dict if isinstance(name, str)} <= names
    views = [view for pattern in urlpatterns if (view := getattr(_inner(pattern.callback), "view_class", None))]
    templates = [view.template_name for view in views if view.template_name != "account/logout.html"]  # POST only
    assert len(templates) >= 13
    assert [name for name in templates if "/allauth/" in str(get_template(name).origin)] == []  # type: ignore[attr-defined]


def _inner(view: Callable[..., object]) -> Callable[..., object]:
    while hasattr(view, "__wrapped__") and not hasattr(view, "view_class"):
        view = view.__wrapped__
    return view
