"""What delivery asks of a channel, and the three ways in which a hand-over does not succeed."""

from typing import Protocol

from messaging.models import Message
from messaging.rendering import Rendered


class NotHandedOver(Exception):
    """`reason` is a stable code, `answer` what the other side said."""

    def __init__(self, reason: str, answer: str = "") -> None:
        super().__init__(f"{reason}: {answer}" if answer else reason)
        self.reason, self.answer = reason, answer[:500]


class TryLater(NotHandedOver):
    """It did not leave, and may succeed later."""


class Refused(NotHandedOver):
    """It did not leave and never will."""


class Unconfirmed(NotHandedOver):
    """It may have left: nobody knows, so it must not be sent again."""


class Channel(Protocol):
    """A way to reach people. One object serves one batch, so that it can keep its connection."""

    kind: str

    def connect(self) -> None:
        """Be ready to hand over. Raises `TryLater`. Called before each message, outside any lock."""

    def hand_over(self, message: Message, rendered: Rendered, *, unsubscribe_url: str) -> None:
        """Give the message to the server that takes it from here. Raises a `NotHandedOver`."""

    def close(self) -> None:
        """Let go of the connection. Never raises."""
