"""The channels, in the order they are offered in. A new one is a module here and a line below."""

from typing import Final

from .base import Channel
from .email import EmailChannel

CHANNELS: Final[dict[str, type[Channel]]] = {
    EmailChannel.kind: EmailChannel,
}
