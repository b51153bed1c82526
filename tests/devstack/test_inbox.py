import smtplib
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from devstack.inbox import Inbox


@pytest.fixture
def inbox(var: Path) -> Iterator[Inbox]:
    """An inbox that takes mail."""
    inbox = Inbox(var / "inbox")
    inbox.start()
    yield inbox
    inbox.stop()


def send(inbox: Inbox, content: bytes, *, to: list[str]) -> None:
    """Send one mail over SMTP."""
    with smtplib.SMTP("127.0.0.1", inbox.port) as connection:
        connection.sendmail("bounces+17@flyt.example", to, content)


def test_a_mail_becomes_one_file_with_its_envelope_on_top(inbox: Inbox) -> None:
    send(inbox, "Subject: Hej\r\n\r\nDär är du\r\n.\r\n".encode(), to=["ann@acme.example", "bo@acme.example"])
    (path,) = inbox.folder.iterdir()
    assert path.suffix == ".eml"
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert mail["X-Envelope-From"] == "bounces+17@flyt.example"
    assert mail["X-Envelope-To"] == "ann@acme.example, bo@acme.example"
    assert mail["Subject"] == "Hej"
    assert path.read_bytes().endswith("\r\n\r\nDär är du\r\n.\r\n".encode())


def test_the_files_sort_in_the_order_of_arrival(inbox: Inbox) -> None:
    for number in range(12):
        send(inbox, f"Subject: {number}\r\n\r\n".encode(), to=["ann@acme.example"])
    subjects = [message_from_bytes(path.read_bytes())["Subject"] for path in sorted(inbox.folder.iterdir())]
    assert subjects == [str(number) for number in range(12)]


def test_a_mail_that_cannot_be_kept_is_refused_for_now(inbox: Inbox) -> None:
    inbox.folder.rmdir()
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(inbox, b"Subject: lost\r\n\r\n", to=["ann@acme.example"])
    assert refused.value.smtp_code == 452
