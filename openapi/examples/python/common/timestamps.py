"""Points in time: the text that the API returns, and the milliseconds since 1970 that events carry."""

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# The contract's x-time-window, in milliseconds.
_PAST = 2_592_000_000
_FUTURE = 300_000
_TEXT = re.compile("([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})[.]([0-9]{3})Z")


def now_millis() -> int:
    """This moment, for the `timestamp` of an event."""
    return (datetime.now(UTC) - _EPOCH) // _MILLISECOND


def to_millis(text: str) -> int:
    """Reads a UtcTimestamp. Raises ValueError for any other text, and for days that no calendar has."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError("not a UTC timestamp with three digits of milliseconds and Z")
    year, month, day, hour, minute, second, millis = map(int, match.groups())
    return (datetime(year, month, day, hour, minute, second, millis * 1000, tzinfo=UTC) - _EPOCH) // _MILLISECOND


def to_text(millis: int) -> str:
    """Writes a UtcTimestamp. Raises OverflowError beyond the years 1 to 9999."""
    return (_EPOCH + millis * _MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_event_time(millis: object, now: int) -> int:
    """Returns the time of an event that Copilot.cx takes at `now`: x-time-window. Raises ValueError for any other."""
    if type(millis) is not int or not now - _PAST <= millis <= now + _FUTURE:
        raise ValueError(f"no time within 30 days before and 5 minutes after this clock's {now}")
    return millis
