"""The local inbox: this account's mails, shown as their reader sees them, and no other account's."""

from email.message import EmailMessage
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from messaging.models import Message
from tests.make import make_contact, make_content, make_flow
from tests.web.conftest import Browsers, make_member
from web import inbox

_seconds = count(1)
LINK = "http://localhost:8000/c/token"


def put_mail(
    folder: Path, account: Account | None, *, subject: str = "Hei Käthe", html: str = "", **fields: object
) -> str:
    """A mail as the SMTP inbox keeps it, sent by a flow of `account` (None: by nobody here); its name."""
    number = next(_seconds)
    message_id = f"{uuid4().hex}@example.com"
    if account:
        with account_scope(account.pk):
            flow = make_flow(["wait 2 days"])
            Message.objects.create(
                outbox=flow.outbox,
                origin_key=message_id,
                record=make_contact(),
                content=make_content(),
                address="kathe@example.com",
                message_id=message_id,
                flow_id=flow.pk,
            )
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = subject, "Acme <news@example.com>", "Käthe <kathe@example.com>"
    mail["Message-ID"] = f"<{message_id}>"
    mail.set_content(f"Hei Käthe! {LINK}")
    mail.add_alternative(html or f'<p style="color: teal">Hei Käthe! <a href="{LINK}">Read</a></p>', subtype="html")
    name = f"20261121T{number // 3600:02}{number // 60 % 60:02}{number % 60:02}.000000Z-{number:06}"
    envelope = b"X-Envelope-From: news@example.com\r\nX-Envelope-To: kathe@example.com\r\n"
    (folder / f"{name}.eml").write_bytes(envelope + mail.as_bytes())
    return name


@pytest.fixture
def folder(tmp_path: Path, settings) -> Path:  # type: ignore[no-untyped-def]
    """The folder of the inbox."""
    settings.INBOX_DIR = str(tmp_path)
    return tmp_path


def page(client: Client, address: str) -> str:
    """The text of a page that must be there."""
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_mails_are_listed_newest_first(member: Client, acme: Account, folder: Path) -> None:
    for subject in ("First", "Second"):
        put_mail(folder, acme, subject=subject)
    listed = page(member, "/acme/inbox/")
    assert listed.index("Second") < listed.index("First")


def test_only_mails_of_this_account_are_shown(member: Client, acme: Account, globex: Account, folder: Path) -> None:
    put_mail(folder, acme, subject="Ours")
    put_mail(folder, globex, subject="Theirs")
    put_mail(folder, None, subject="Of nobody")
    listed = page(member, "/acme/inbox/")
    assert "Ours" in listed and "Theirs" not in listed and "Of nobody" not in listed


@pytest.mark.parametrize("part", ["", "letter/", "?show=text", "?show=headers"])
def test_another_accounts_mail_cannot_be_opened(
    member: Client, acme: Account, globex: Account, folder: Path, part: str
) -> None:
    theirs = put_mail(folder, globex)
    assert member.get(f"/acme/inbox/{theirs}/{part}").status_code == 404


def test_a_mail_shows_its_letter_in_a_frame_without_rights(member: Client, acme: Account, folder: Path) -> None:
    name = put_mail(folder, acme)
    shown = page(member, f"/acme/inbox/{name}/")
    assert f'sandbox="allow-popups allow-popups-to-escape-sandbox" src="/acme/inbox/{name}/letter/"' in shown
    assert "allow-same-origin" not in shown and "allow-scripts" not in shown


def test_the_letter_has_a_policy_of_its_own(member: Client, acme: Account, folder: Path) -> None:
    name = put_mail(
        folder, acme, html="<html><head><title>x</title></head><body><script>alert(1)</script></body></html>"
    )
    letter = member.get(f"/acme/inbox/{name}/letter/")
    policy = letter["Content-Security-Policy"]
    assert "sandbox allow-popups" in policy and "style-src 'unsafe-inline'" in policy
    assert "script-src" not in policy and "default-src 'none'" in policy
    assert letter.content.decode().startswith('<html><head><base target="_blank"><title>')
    assert "unsafe-inline" not in member.get(f"/acme/inbox/{name}/")["Content-Security-Policy"]


def test_text_and_headers_can_be_read(member: Client, acme: Account, folder: Path) -> None:
    name = put_mail(folder, acme)
    assert f'<a href="{LINK}"' in page(member, f"/acme/inbox/{name}/?show=text")
    headers = page(member, f"/acme/inbox/{name}/?show=headers")
    assert "X-Envelope-To" in headers and "Message-ID" in headers


def test_a_mail_names_its_flow_and_its_recipient(member: Client, acme: Account, folder: Path) -> None:
    shown = page(member, f"/acme/inbox/{put_mail(folder, acme)}/")
    assert "kathe@example.com" in shown and "/acme/flows/" in shown and "<dt>Flow</dt>" in shown


def test_markup_in_headers_stays_text(member: Client, acme: Account, folder: Path) -> None:
    name = put_mail(folder, acme, subject="<script>alert(1)</script>")
    for address in ("/acme/inbox/", f"/acme/inbox/{name}/", f"/acme/inbox/{name}/?show=headers"):
        assert "<script>alert" not in page(member, address)


@pytest.mark.parametrize(
    "name", ["..%2F..%2Fsecret_key", "....", "20261121T000000.000000Z-000001%00", "20990101T000000.000000Z-000001"]
)
def test_names_that_are_no_mails_are_not_found(member: Client, folder: Path, name: str) -> None:
    (folder.parent / "secret_key.eml").write_text("Message-ID: <x@y>\n\nsecret")
    assert member.get(f"/acme/inbox/{name}/").status_code == 404


def test_without_an_inbox_there_is_no_page_and_no_link(member: Client, acme: Account, folder: Path, settings) -> None:  # type: ignore[no-untyped-def]
    name = put_mail(folder, acme)
    settings.INBOX_DIR = ""
    for address in ("/acme/inbox/", f"/acme/inbox/{name}/", f"/acme/inbox/{name}/letter/"):
        assert member.get(address).status_code == 404
    assert "/acme/inbox/" not in page(member, "/acme/flows/")


def test_an_empty_or_missing_folder_is_an_empty_inbox(member: Client, folder: Path, settings) -> None:  # type: ignore[no-untyped-def]
    assert "No mail yet" in page(member, "/acme/inbox/")
    settings.INBOX_DIR = str(folder / "not-there")
    assert "No mail yet" in page(member, "/acme/inbox/")


def test_older_mails_come_by_pages_and_none_is_lost(
    member: Client, acme: Account, globex: Account, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "ON_A_PAGE", 2)
    monkeypatch.setattr(inbox, "LOOKED_AT", 3)
    own = [put_mail(folder, acme, subject=f"Number {number};") for number in range(5)]
    others = [put_mail(folder, globex) for _ in range(4)]
    assert own[-1] < others[0]
    seen: list[str] = []
    address = "/acme/inbox/"
    for _visit in range(20):
        answer = member.get(address)
        seen += [each.mail.subject for each in answer.context["page"].letters]
        if not answer.context["page"].older:
            break
        address = f"/acme/inbox/?before={answer.context['page'].older}"
    assert seen == [f"Number {number};" for number in (4, 3, 2, 1, 0)]


def test_half_a_mail_and_odd_files_break_nothing(member: Client, acme: Account, folder: Path) -> None:
    (folder / "20261121T235959.000000Z-000009.eml").write_bytes(b"\xff\xfe\x00garbage")
    (folder / "notes.txt").write_text("x")
    (folder / "20261121T235959.000000Z-000010.tmp").write_text("x")
    put_mail(folder, acme, subject="Whole")
    assert "Whole" in page(member, "/acme/inbox/")


def test_the_number_of_queries_does_not_grow_with_the_mails(member: Client, acme: Account, folder: Path) -> None:
    used = []
    for more in (1, 29):
        for _ in range(more):
            put_mail(folder, acme)
        with CaptureQueriesContext(connection) as queries:
            page(member, "/acme/inbox/")
        used.append(len(queries))
    assert used[0] == used[1]


# --- Mail that no flow sent ------------------------------------------------------------------------------------


def put_house_mail(folder: Path, to: str, subject: str, **headers: str) -> str:
    """A mail of Flyt itself; its name."""
    number = next(_seconds)
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = subject, "flyt@localhost", to
    mail["Message-ID"] = f"<{uuid4().hex}@localhost>"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(f"Follow {LINK}")
    name = f"20261121T{number // 3600:02}{number // 60 % 60:02}{number % 60:02}.000000Z-{number:06}"
    (folder / f"{name}.eml").write_bytes(f"X-Envelope-To: {to}\r\n".encode() + mail.as_bytes())
    return name


def test_a_test_send_is_its_accounts(member: Client, acme: Account, globex: Account, folder: Path) -> None:
    person = make_member(acme)
    make_member(globex, user=person)
    ours = put_house_mail(folder, person.email, "[Test] Ours", X_Flyt_Account=str(acme.pk), X_Flyt_Test="yes")
    theirs = put_house_mail(folder, person.email, "[Test] Theirs", X_Flyt_Account=str(globex.pk), X_Flyt_Test="yes")
    listed = page(member, "/acme/inbox/")
    assert "[Test] Ours" in listed and "Theirs" not in listed
    assert "Follow" in page(member, f"/acme/inbox/{ours}/")
    assert member.get(f"/acme/inbox/{theirs}/").status_code == 404


def test_a_members_own_mail_is_listed_and_read_by_that_member_only(member: Client, acme: Account, folder: Path) -> None:
    person = make_member(acme, Role.VIEWER)
    browser = Client()
    browser.force_login(person)
    name = put_house_mail(folder, person.email.upper(), "A new password")
    for client, may_read in ((browser, True), (member, False)):
        assert "A new password" in page(client, "/acme/inbox/")
        for show, said in (("text", LINK), ("headers", "Message-ID")):
            shown = page(client, f"/acme/inbox/{name}/?show={show}")
            assert (said in shown) == may_read and ("reads this mail" in shown) != may_read


def test_mail_to_somebody_who_is_no_member_is_nobodys(
    member: Client, acme: Account, globex: Account, folder: Path
) -> None:
    stranger = make_member(globex)
    put_house_mail(folder, stranger.email, "Their password")
    # What a flow of another account sends to a member of this one is that account's.
    put_house_mail(folder, make_member(acme).email, "Their letter", List_Unsubscribe="<https://a.example/>")
    listed = page(member, "/acme/inbox/")
    assert "Their password" not in listed and "Their letter" not in listed


def test_an_invitation_is_read_by_admins(member: Client, acme: Account, browser_of: Browsers, folder: Path) -> None:
    name = put_house_mail(folder, "new@example.com", "Come in", X_Flyt_Account=str(acme.pk))
    assert LINK in page(member, f"/acme/inbox/{name}/")
    viewer = page(browser_of(acme, Role.VIEWER), f"/acme/inbox/{name}/")
    assert "Come in" in viewer and LINK not in viewer


# --- Finding one's way -----------------------------------------------------------------------------------------


def unread(client: Client) -> set[str]:
    """The subjects that are marked."""
    page = client.get("/acme/inbox/").context["page"]
    return {letter.mail.subject for letter in page.letters if letter.is_unread}


def test_what_was_opened_is_read_and_all_can_be(
    member: Client, acme: Account, browser_of: Browsers, folder: Path
) -> None:
    first, _second = put_mail(folder, acme, subject="First"), put_mail(folder, acme, subject="Second")
    assert unread(member) == {"First", "Second"} and "Unread:" in page(member, "/acme/inbox/")
    page(member, f"/acme/inbox/{first}/")
    assert unread(member) == {"Second"}
    assert unread(browser_of(acme)) == {"First", "Second"}, "everybody has an own mark"
    assert member.post("/acme/inbox/read/")["Location"] == "/acme/inbox/"
    assert unread(member) == set()
    put_mail(folder, acme, subject="Third")
    assert unread(member) == {"Third"}


def test_mails_are_found_by_reader_and_subject(member: Client, acme: Account, folder: Path) -> None:
    put_mail(folder, acme, subject="Winter programme")
    put_house_mail(folder, "maja@example.com", "[Test] Spring", X_Flyt_Account=str(acme.pk), X_Flyt_Test="yes")
    assert "Winter" not in page(member, "/acme/inbox/?search=maja")
    assert "Spring" not in page(member, "/acme/inbox/?search=WINTER")
    assert "None of these has it" in page(member, "/acme/inbox/?search=autumn")
