"""The two rules that JSON Schema cannot say, read from the contract's extensions, which the generated models keep."""

from pydantic import BaseModel, JsonValue, TypeAdapter

from generated.models import Event, EventTime


class _TimeWindow(BaseModel):
    past: int
    future: int


class _PropertyLimit(BaseModel):
    maximum: int
    within: str


_WINDOW = _TimeWindow.model_validate(TypeAdapter(EventTime).json_schema()["x-time-window"])
_LIMIT = _PropertyLimit.model_validate(TypeAdapter(Event).json_schema()["x-property-limit"])


class LimitError(ValueError):
    """An event that Copilot.cx would refuse. `rule` is the contract's name of the rule."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


def check_time(timestamp: EventTime, now: int) -> None:
    """Raises LimitError for a time that lies too far from `now`, both in milliseconds since 1970."""
    if not now - _WINDOW.past <= timestamp <= now + _WINDOW.future:
        raise LimitError("x-time-window", f"timestamp: {timestamp} is too far from this clock's {now}")


def check_event(event: Event, now: int) -> None:
    """Raises LimitError for an event at another time, or with more properties, than Copilot.cx takes."""
    check_time(event.timestamp, now)
    count = _count_keys(event.model_dump(mode="json")[_LIMIT.within])
    if count > _LIMIT.maximum:
        raise LimitError("x-property-limit", f"{_LIMIT.within}: {count} properties, at most {_LIMIT.maximum}")


def _count_keys(value: JsonValue) -> int:
    """The keys of an object and of the objects in it."""
    return sum(1 + _count_keys(member) for member in value.values()) if isinstance(value, dict) else 0
