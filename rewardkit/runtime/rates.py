"""What is sent to an endpoint in a minute, and when it may be sent again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

#: seconds between two attempts, at most, where the endpoint names none
_LONGEST_BACKOFF = 30.0


class Bucket:
    """A limit of so many units a minute, spread evenly, of which a second's worth may be taken at once."""

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds_each = 60.0 / per_minute
        self._clock = clock
        self._free_at = clock()

    def take(self, units: float) -> float:
        """Take units, and return the seconds to wait until they may be used."""
        now = self._clock()
        begins = max(self._free_at, now - 1.0)
        self._free_at = begins + units * self._seconds_each
        return max(0.0, begins - now)


def backoff(attempt: int, first: float) -> float:
    """Seconds before the attempt after attempt 0, 1, …: doubled each time, with jitter."""
    # no result depends on the jitter, so that it needs no seed
    return float(min(_LONGEST_BACKOFF, first * 2.0 ** min(attempt, 32)) * random.uniform(0.5, 1.0))


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds that an endpoint asks to be left alone; `now` is the time since the epoch."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if value.replace(".", "", 1).isdecimal() and value.isascii():
            return float(value) * scale
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
