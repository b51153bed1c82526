"""A local mail inbox: takes every mail over SMTP and keeps it as a file.

python -m devstack.inbox --port 2525 --folder var/inbox
"""

import argparse
import itertools
import os
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from devstack.places import make_folder
from devstack.ports import free_port

LARGEST_MAIL = 30_000_000


class Store:
    """Writes each mail as `<UTC time>-<counter>.eml`; a reader never meets half a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = make_folder(folder)
        self.counter = itertools.count(1)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep one mail with its envelope on top."""
        sender = f"X-Envelope-From: {envelope.mail_from}\r\n"
        recipients = f"X-Envelope-To: {', '.join(envelope.rcpt_tos)}\r\n"
        content = envelope.original_content or b""
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        path = self.folder / f"{moment}-{next(self.counter):06d}.eml"
        draft = path.with_suffix(".tmp")
        try:
            draft.write_bytes((sender + recipients).encode() + content)
            os.replace(draft, path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            return f"452 The inbox cannot keep the mail: {error.strerror}"
        return "250 Kept"


class Inbox(Controller):
    """An inbox in a thread of this process: `start` it, send to `port`, read the files, `stop` it."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        # The name is given, because asking the network for it can take seconds per connection.
        super().__init__(
            Store(folder),
            hostname="127.0.0.1",
            port=port or free_port(),
            server_hostname="localhost",
            data_size_limit=LARGEST_MAIL,
        )
        self.folder = folder


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="Take every mail and keep it as a file.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    inbox = Inbox(options.folder.absolute(), options.port)
    inbox.start()
    ended.wait()
    # Open connections are not waited for: from Python 3.12 on that can take as long as their clients like.
    os._exit(0)


if __name__ == "__main__":
    main()
