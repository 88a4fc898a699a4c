"""Points in time: the text that the API returns, and the milliseconds since 1970 that events carry."""

from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter

from generated.models import UtcTimestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TEXT: TypeAdapter[UtcTimestamp] = TypeAdapter(UtcTimestamp)


def now_millis() -> int:
    """This moment, for the `timestamp` of an event."""
    return (datetime.now(UTC) - _EPOCH) // _MILLISECOND


def to_millis(text: str) -> int:
    """Reads a UtcTimestamp. Raises ValueError for any other text, and for days that no calendar has."""
    return (datetime.fromisoformat(_TEXT.validate_python(text)) - _EPOCH) // _MILLISECOND


def to_text(millis: int) -> str:
    """Writes a UtcTimestamp. Raises OverflowError beyond the years 1 to 9999."""
    return (_EPOCH + millis * _MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")
