"""What the generated models do not judge. They keep the contract's extensions, which are read from there."""

from collections.abc import Iterator
from typing import NamedTuple

from pydantic import BaseModel, TypeAdapter

from errors import LimitError
from generated.models import ConsentChange, Event, EventTime
from json_values import not_json


class _TimeWindow(BaseModel):
    past: int
    future: int


class _PropertyLimit(BaseModel):
    maximum: int
    within: str


class _Broken(NamedTuple):
    rule: str
    detail: str


_WINDOW = _TimeWindow.model_validate(TypeAdapter(EventTime).json_schema()["x-time-window"])
_LIMIT = _PropertyLimit.model_validate(TypeAdapter(Event).json_schema()["x-property-limit"])


def check_event(event: Event, now: int, index: int = 0) -> None:
    """Raises LimitError for an event that Copilot.cx would refuse at `now`. `index` is its place in the request."""
    for rule, detail in _broken(event, now):
        raise LimitError(rule, detail, index=index, event_id=event.event_id)


def check_consent(change: ConsentChange) -> None:
    """Raises LimitError for a consent that JSON cannot write."""
    for detail in not_json(change.model_dump()):
        raise LimitError("json", detail)


def check_time(timestamp: EventTime, now: int) -> None:
    """Raises LimitError for a time that lies too far from `now`, both in milliseconds since 1970."""
    for rule, detail in _broken_time(timestamp, now):
        raise LimitError(rule, detail)


def _broken(event: Event, now: int) -> Iterator[_Broken]:
    body = event.model_dump()
    for detail in not_json(body):
        yield _Broken("json", detail)
    yield from _broken_time(event.timestamp, now)
    count = _count_keys(body[_LIMIT.within])
    if count > _LIMIT.maximum:
        yield _Broken("x-property-limit", f"/{_LIMIT.within}: {count} properties, at most {_LIMIT.maximum}")


def _broken_time(timestamp: EventTime, now: int) -> Iterator[_Broken]:
    if not now - _WINDOW.past <= timestamp <= now + _WINDOW.future:
        yield _Broken("x-time-window", f"/timestamp: {timestamp} is too far from this clock's {now}")


def _count_keys(value: object) -> int:
    """The keys of an object and of the objects in it."""
    return sum(1 + _count_keys(member) for member in value.values()) if isinstance(value, dict) else 0
