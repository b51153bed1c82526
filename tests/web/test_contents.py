"""Contents in the browser: the list, the editor that saves as one writes, the preview in its frame, test sends."""

import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, User
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import FlowStatus, Visibility
from messaging.models import Content, Message
from tests.make import make_contact, make_content, make_flow, make_property
from tests.messaging.post import Server
from tests.web.conftest import Browsers, make_member
from web import content_tests

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def content(acme: Account) -> Content:
    """A shared content that names its reader."""
    with account_scope(acme.pk):
        make_contact("kathe@example.com", first_name="Käthe")
        return make_content(
            "Winter", subject="Hi {{ first_name }}", html="<p>Hi {{ first_name }}</p>", preheader="Snow"
        )


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def saved(acme: Account, content: Content) -> Content:
    with account_scope(acme.pk):
        return Content.objects.get(pk=content.pk)


def write(client: Client, content: Content, *, htmx: bool = True, read_at: str | None = None, **typed: str) -> Any:
    """Save what is typed, as the editor does."""
    form = {"read_at": content.updated_at.isoformat() if read_at is None else read_at, **typed}
    return client.post(f"/acme/contents/{content.pk}/save/", form, **(HTMX if htmx else {}))


def frame(shown: str) -> str:
    """The address of the letter's frame."""
    found = re.search(r'<iframe class="letter-page" sandbox="([^"]*)" src="([^"]*)"', shown)
    assert found and found[1] == "allow-popups allow-popups-to-escape-sandbox"
    return found[2].replace("&amp;", "&")


# --- The list --------------------------------------------------------------------------------------------------


def test_the_list_says_whose_each_is_and_who_sends_it(member: Client, acme: Account, content: Content) -> None:
    with account_scope(acme.pk):
        flow = make_flow([{"send_email": content}], name="Welcome flow", status=FlowStatus.RUNNING)
        make_content("Own", flow_id=flow.pk)
    shown = page(member, "/acme/contents/")
    assert shown.count("Welcome flow") == 2 and "Everyone" in shown and 'data-status="running"' in shown
    assert "Own" not in page(member, "/acme/contents/?of=shared")
    assert "Winter" not in page(member, "/acme/contents/?of=flows&search=")
    assert "Winter" in page(member, "/acme/contents/?search=win") and "No such content" in page(
        member, "/acme/contents/?search=summer"
    )


def test_an_empty_list_says_what_to_do(member: Client) -> None:
    assert "No contents yet" in page(member, "/acme/contents/")


def test_the_contents_of_a_private_flow_are_its_owners(acme: Account, browser_of: Browsers) -> None:
    owner = make_member(acme, Role.MARKETER)
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"], visibility=Visibility.OWNER, owner=owner)
        own = make_content("Secret", flow_id=flow.pk)
    other = browser_of(acme, Role.MARKETER)
    assert "Secret" not in page(other, "/acme/contents/")
    assert other.get(f"/acme/contents/{own.pk}/").status_code == 404
    assert write(other, own, subject="Mine").status_code == 404
    browser = Client()
    browser.force_login(owner)
    assert "Secret" in page(browser, "/acme/contents/")


def test_a_list_costs_the_same_however_long(member: Client, acme: Account) -> None:
    used = []
    for more in (1, 25):
        with account_scope(acme.pk):
            for _ in range(more):
                make_flow(["send_email"])
        with CaptureQueriesContext(connection) as queries:
            page(member, "/acme/contents/")
        used.append(len(queries))
    assert used[0] == used[1]


def test_a_new_content_has_a_name_and_opens_in_the_editor(member: Client, acme: Account) -> None:
    assert "Give it a name." in member.post("/acme/contents/new/", {"name": "  "}).content.decode()
    answer = member.post("/acme/contents/new/", {"name": "Spring"})
    with account_scope(acme.pk):
        made = Content.objects.get()
    assert (made.name, answer["Location"]) == ("Spring", f"/acme/contents/{made.pk}/")
    assert "Write a subject" in page(member, answer["Location"])


def test_a_copy_is_shared_and_says_the_same(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        own = make_content("Own", flow_id=make_flow(["wait 2 days"], status=FlowStatus.RUNNING).pk, preheader="x")
    answer = member.post(f"/acme/contents/{own.pk}/copy/")
    with account_scope(acme.pk):
        made = Content.objects.latest("pk")
    assert answer["Location"].endswith(f"/{made.pk}/")
    assert (made.name, made.flow_id, made.html, made.preheader) == ("Own (copy)", None, own.html, "x")


def test_a_content_is_deleted_unless_a_flow_sends_it(member: Client, acme: Account, content: Content) -> None:
    with account_scope(acme.pk):
        make_flow([{"send_email": content}], name="Autumn")
        unused = make_content("Unused")
    refused = member.post(f"/acme/contents/{content.pk}/delete/")
    assert refused.status_code == 409 and "Autumn sends this content" in refused.content.decode()
    assert member.post(f"/acme/contents/{unused.pk}/delete/").status_code == 302
    assert member.get(f"/acme/contents/{unused.pk}/").status_code == 404


# --- Saving as one writes --------------------------------------------------------------------------------------


def test_what_is_typed_is_saved_and_shown(member: Client, acme: Account, content: Content) -> None:
    answer = write(member, content, subject="  Hei\n {{ first_name }}!", html="<p>a</p>\r\n<p>b</p>\x00")
    shown = answer.content.decode()
    assert answer.status_code == 200 and "<html" not in shown
    assert 'data-state="saved"' in shown and "Hei Käthe!" in shown and "10 characters." in shown
    now_saved = saved(acme, content)
    assert (now_saved.subject, now_saved.html) == ("Hei {{ first_name }}!", "<p>a</p>\n<p>b</p>")
    assert f'value="{now_saved.updated_at.isoformat()}"' in shown, "the next save builds on this one"


def test_without_script_the_form_saves_too(member: Client, acme: Account, content: Content) -> None:
    answer = write(member, content, htmx=False, subject="Plain")
    assert (answer.status_code, answer["Location"]) == (302, f"/acme/contents/{content.pk}/")
    assert saved(acme, content).subject == "Plain"


def test_a_fault_in_the_merge_code_stands_beside_its_field_and_nothing_is_saved(
    member: Client, acme: Account, content: Content
) -> None:
    answer = write(member, content, html="<p>\n{{ first_name | shout }}", subject="New")
    shown = answer.content.decode()
    assert 'data-state="unsaved"' in shown and "read-at" not in shown and "<iframe" not in shown
    error = re.search(r'<p class="field-error" id="error-html"[^>]*>.*?<span>(.*?)</span>', shown, re.DOTALL)
    assert error and error[1] == "Line 2: There is no filter “shout”."
    assert re.search(r'id="error-subject"[^>]* hidden', shown)
    assert saved(acme, content).subject == content.subject
    pressed = write(member, content, html="{{ a", save="1")
    assert pressed.status_code == 422
    whole = write(member, content, htmx=False, html="{{ a", subject="Kept")
    assert whole.status_code == 422 and 'value="Kept"' in whole.content.decode(), "nothing typed is lost"


def test_a_merge_field_that_nothing_is_called_is_said_while_it_is_written(
    member: Client, acme: Account, content: Content
) -> None:
    said = "Nothing is called “%s”: its place stays empty. Choose from the menu Merge field."
    shown = write(member, content, subject="Hi {{ förnamn }}", html="{{ first_name }} {{ amount }}").content.decode()
    assert said % "förnamn" in shown and said % "first_name" not in shown
    assert (said % "amount" in shown) is (content.flow_id is not None), "flows of deals too may send a shared content"
    assert saved(acme, content).subject == "Hi {{ förnamn }}", "it can be sent as it is"


def test_a_stale_editor_is_told_and_may_keep_its_own(member: Client, acme: Account, content: Content) -> None:
    with account_scope(acme.pk):
        later = content.updated_at + timedelta(seconds=1)
        Content.objects.filter(pk=content.pk).update(subject="Theirs", updated_at=later)
    stale = write(member, content, subject="Mine")
    shown = stale.content.decode()
    assert stale.status_code == 412 and "somebody else changed it" in shown and 'name="overwrite"' in shown
    assert "read-at" not in shown and saved(acme, content).subject == "Theirs"
    assert write(member, content, htmx=False, read_at="nonsense", subject="Mine").status_code == 412
    assert write(member, content, subject="Mine", overwrite="1").status_code == 200
    assert saved(acme, content).subject == "Mine"


def test_a_running_flows_own_content_is_for_looking_only(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"], name="Live", status=FlowStatus.RUNNING)
        own = make_content(flow_id=flow.pk)
    shown = page(member, f"/acme/contents/{own.pk}/")
    assert "Live is running. Pause the flow first" in shown
    assert "data-writer" not in shown and shown.count(" readonly") == 5
    refused = write(member, own, subject="Now")
    assert refused.status_code == 409 and "Pause the flow first" in refused.content.decode()
    assert refused["HX-Retarget"] == "#toasts"
    assert saved(acme, own).subject == own.subject


def test_what_a_running_flow_sends_is_looked_at_while_typing_and_saved_on_purpose(
    member: Client, acme: Account, content: Content
) -> None:
    with account_scope(acme.pk):
        make_flow([{"send_email": content}], status=FlowStatus.RUNNING)
    shown = page(member, f"/acme/contents/{content.pk}/")
    assert 'name="look"' in shown and "kept back until you press Save" in shown
    typed = write(member, content, look="1", subject="Half", html="<p>Half a {{ first_name }}</p>")
    assert typed.status_code == 200 and 'data-state="unsaved"' in typed.content.decode()
    assert saved(acme, content).subject == content.subject
    letter = page(member, frame(typed.content.decode()))
    assert "Half a Käthe" in letter, "the preview shows what is typed"
    # An editor that was opened before the flow ran does not know.
    assert write(member, content, subject="Half").status_code == 409
    assert write(member, content, look="1", save="1", subject="Whole").status_code == 200
    assert saved(acme, content).subject == "Whole"


# --- The preview -----------------------------------------------------------------------------------------------


def test_the_preview_is_an_inbox_line_and_a_frame_without_rights(member: Client, content: Content) -> None:
    shown = page(member, f"/acme/contents/{content.pk}/")
    assert "Hi Käthe" in shown and "Snow" in shown and "allow-same-origin" not in shown
    letter = member.get(frame(shown))
    assert "Hi Käthe" in letter.content.decode()
    policy = letter["Content-Security-Policy"]
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy and "default-src 'none'" in policy
    assert "script-src" not in policy and "form-action 'none'" in policy


def test_scripts_do_not_reach_the_frame(member: Client, acme: Account, content: Content) -> None:
    write(member, content, html='<p onclick="a()">Hi</p><script>b()</script><a href="javascript:c()">x</a>')
    letter = page(member, frame(page(member, f"/acme/contents/{content.pk}/")))
    assert "Hi" in letter and not re.search(r"onclick|<script|javascript:", letter)


def test_it_can_be_seen_as_anybody(member: Client, acme: Account, globex: Account, content: Content) -> None:
    with account_scope(acme.pk):
        linnea = make_contact("linnea@example.com", first_name="Linnéa", last_name="Öberg")
    with account_scope(globex.pk):
        theirs = make_contact(first_name="Stranger")
    address = f"/acme/contents/{content.pk}/"
    assert "Hi Linnéa" in page(member, f"{address}?record={linnea.pk}")
    assert "Hi Käthe" in page(member, f"{address}?record={theirs.pk}"), "another account's record is nobody here"
    found = page(member, f"{address}people/?search=öberg")
    assert "Linnéa Öberg" in found and "Käthe" not in found
    typed = member.post(f"{address}preview/", {"record": linnea.pk, "subject": "Ho {{ first_name }}"}, **HTMX)
    assert "Ho Linnéa" in typed.content.decode() and "Linnéa Öberg" in typed.content.decode()
    nobody = page(member, f"{address}?record=0")
    assert "Someone of whom nothing is known" in nobody and "Hi</span>" in nobody


def test_without_records_it_is_seen_as_someone_of_whom_nothing_is_known(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        content = make_content(subject="Hi {{ first_name | default: 'you' }}")
    assert "Hi you" in page(member, f"/acme/contents/{content.pk}/")


def test_an_empty_content_says_so_instead_of_a_frame(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        content = make_content(html="")
    shown = page(member, f"/acme/contents/{content.pk}/")
    assert "The message is empty." in shown and "<iframe" not in shown
    assert member.get(f"/acme/contents/{content.pk}/letter/").status_code == 404


def test_a_draft_is_its_writers_alone(member: Client, acme: Account, browser_of: Browsers, content: Content) -> None:
    typed = member.post(f"/acme/contents/{content.pk}/preview/", {"html": "<p>Unsaved</p>"}, **HTMX).content.decode()
    assert "Unsaved" in page(member, frame(typed))
    assert "Unsaved" not in page(browser_of(acme), frame(typed))
    cache.clear()
    assert "Hi Käthe" in page(member, frame(typed)), "without the cache the frame shows what is saved"


def test_merge_fields_come_with_a_default_and_never_hide_our_own_names(
    member: Client, acme: Account, content: Content
) -> None:
    with account_scope(acme.pk):
        make_property("today")
    shown = page(member, f"/acme/contents/{content.pk}/")
    for code in (
        '{{ first_name | default: "" }}',
        '{{ record.today | default: "" }}',
        '{{ renewal_date | date: "%d.%m.%Y" }}',
        "{{ account.name }}",
        "{{ unsubscribe_url }}",
    ):
        assert f'data-inserts="{code.replace(chr(34), "&quot;")}"' in shown


# --- Test sends ------------------------------------------------------------------------------------------------


def confirm(user: User) -> str:
    """Say that the address is theirs."""
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user.email


@pytest.fixture
def writer(acme: Account) -> Client:
    """A marketer whose address is confirmed: writer@example.com."""
    client, user = Client(), User.objects.create_user("writer@example.com")
    client.force_login(make_member(acme, Role.MARKETER, user=user))
    confirm(user)
    return client


def send(client: Client, content: Content, to: str = "writer@example.com", **typed: object) -> Any:
    return client.post(f"/acme/contents/{content.pk}/test/", {"to": to, **typed}, **HTMX)


def test_a_test_goes_to_oneself_as_the_chosen_record_with_what_is_typed(
    writer: Client, acme: Account, content: Content, smtp: Server
) -> None:
    with account_scope(acme.pk):
        linnea = make_contact(first_name="Linnéa")
    answer = send(writer, content, record=linnea.pk, subject="Ho {{ first_name }}")
    assert answer.status_code == 200 and "A test is on its way to writer@example.com." in answer.content.decode()
    (mail,) = smtp.mails
    assert (mail.to, mail.parsed["Subject"]) == (["writer@example.com"], "[Test] Ho Linnéa")
    assert mail.parsed["X-Flyt-Account"] == str(acme.pk) and "List-Unsubscribe" not in mail.parsed
    with account_scope(acme.pk):
        assert not Message.objects.exists()


def test_a_test_goes_to_confirmed_members_and_nobody_else(
    writer: Client, acme: Account, globex: Account, content: Content, smtp: Server
) -> None:
    confirmed, unconfirmed = make_member(acme), make_member(acme)
    confirm(confirmed)
    stranger = confirm(make_member(globex))
    shown = page(writer, f"/acme/contents/{content.pk}/")
    assert shown.index("writer@example.com</option>") < shown.index(f"{confirmed.email}</option>")
    assert f"{unconfirmed.email}</option>" not in shown
    assert send(writer, content, confirmed.email).status_code == 200
    for to in (unconfirmed.email, stranger, "kathe@example.com", ""):
        assert send(writer, content, to).status_code == 422
    assert [mail.to for mail in smtp.mails] == [[confirmed.email]]


def test_tests_are_limited(writer: Client, content: Content, smtp: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_tests, "MOST", 2)
    assert [send(writer, content).status_code for _ in range(3)] == [200, 200, 429]
    assert len(smtp.mails) == 2


def test_a_test_that_cannot_leave_says_why(writer: Client, content: Content, smtp: Server) -> None:
    assert "Line 1" in send(writer, content, html="{{ a").content.decode()
    smtp.to_recipient["writer@example.com"] = "550 nobody here"
    refused = send(writer, content)
    assert refused.status_code == 422 and "nobody here" in refused.content.decode()


def test_a_viewer_looks_and_neither_writes_nor_sends(
    acme: Account, browser_of: Browsers, content: Content, smtp: Server
) -> None:
    viewer = browser_of(acme, Role.VIEWER)
    shown = page(viewer, f"/acme/contents/{content.pk}/")
    assert "data-writer" not in shown and "You need the role marketer" in shown and "Hi Käthe" in shown
    assert write(viewer, content, subject="x").status_code == 403
    assert send(viewer, content).status_code == 403
    for address in ("new/", f"{content.pk}/copy/", f"{content.pk}/delete/"):
        assert viewer.post(f"/acme/contents/{address}").status_code == 403
    assert smtp.mails == []
