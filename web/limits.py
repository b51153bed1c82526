"""How often somebody may guess a password: failures are counted in the cache, for a quarter of an hour.

The cache may be flushed or away. Then guessing goes on uncounted for a while, and people still get in.
"""

import hashlib
import logging
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

WINDOW: Final = 15 * 60  # seconds from the first failure
OF_ADDRESS_AND_IP: Final = 10
OF_IP: Final = 100  # one machine that tries many addresses; an office behind one IP stays under it
OF_ADDRESS: Final = 100  # many machines that try one address


@dataclass(frozen=True)
class Guesses:
    """The failures so far of one address from one IP."""

    address: str
    ip: str

    @classmethod
    def of(cls, request: HttpRequest, address: str) -> "Guesses":
        """Whoever sends `request` as `address`."""
        return cls(address.strip().lower(), ip_of(request))

    def left(self) -> int:
        """How many more may fail before a pause; 0: no password is looked at."""
        try:
            counts = cache.get_many(list(self._limits()))
        except (RedisError, OSError) as error:
            logger.warning("login failures are not counted: %s", type(error).__name__)
            return OF_ADDRESS_AND_IP
        return max(0, min(limit - counts.get(key, 0) for key, limit in self._limits().items()))

    def failed(self) -> None:
        """Count one failure."""
        try:
            for key in self._limits():
                _add_one(key)
        except (RedisError, OSError) as error:
            logger.warning("a login failure is not counted: %s", type(error).__name__)

    def succeeded(self) -> None:
        """Forget what this person mistyped; the counts of the IP and the address as such stay."""
        try:
            cache.delete(next(iter(self._limits())))
        except (RedisError, OSError) as error:
            logger.warning("login failures are not forgotten: %s", type(error).__name__)

    def _limits(self) -> dict[str, int]:
        """Cache key -> limit; the first is this person's own. Addresses are not kept in the clear."""
        address = hashlib.sha256(self.address.encode()).hexdigest()[:32]
        return {
            f"login:both:{address}:{self.ip}": OF_ADDRESS_AND_IP,
            f"login:ip:{self.ip}": OF_IP,
            f"login:address:{address}": OF_ADDRESS,
        }


def ip_of(request: HttpRequest) -> str:
    """Where a request comes from: behind a proxy what the proxy added last, which its client cannot forge."""
    if settings.BEHIND_PROXY:
        forwarded = request.headers.get("X-Forwarded-For", "")
        if forwarded:
            return forwarded.rsplit(",", 1)[-1].strip()
    return str(request.META.get("REMOTE_ADDR", ""))


def _add_one(key: str) -> None:
    cache.add(key, 0, timeout=WINDOW)
    try:
        cache.incr(key)
    except ValueError:  # it ran out between the two
        cache.add(key, 1, timeout=WINDOW)
