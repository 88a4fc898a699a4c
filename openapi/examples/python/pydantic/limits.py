"""What the generated models do not judge."""

from collections.abc import Iterator
from typing import NamedTuple

from pydantic import BaseModel, TypeAdapter

from errors import LimitError
from generated.models import ConsentChange, Event
from json_values import not_json
from timestamps import check_event_time


class _PropertyLimit(BaseModel):
    maximum: int
    within: str


class _Broken(NamedTuple):
    rule: str
    detail: str


_LIMIT = _PropertyLimit.model_validate(TypeAdapter(Event).json_schema()["x-property-limit"])


def check_event(event: Event, now: int, index: int = 0) -> None:
    """Raises LimitError for an event that Copilot.cx would refuse at `now`. `index` is its place in the request."""
    for rule, detail in _broken(event, now):
        raise LimitError(rule, detail, index=index, event_id=event.event_id)


def check_consent(change: ConsentChange) -> None:
    """Raises LimitError for a consent that JSON cannot write."""
    for detail in not_json(change.model_dump()):
        raise LimitError("json", detail)


def _broken(event: Event, now: int) -> Iterator[_Broken]:
    body = event.model_dump()
    for detail in not_json(body):
        yield _Broken("json", detail)
    try:
        check_event_time(event.timestamp, now)
    except ValueError as error:
        yield _Broken("x-time-window", f"/timestamp: {error}")
    count = _count_keys(body[_LIMIT.within])
    if count > _LIMIT.maximum:
        yield _Broken("x-property-limit", f"/{_LIMIT.within}: {count} properties, at most {_LIMIT.maximum}")


def _count_keys(value: object) -> int:
    """The keys of an object and of the objects in it."""
    return sum(1 + _count_keys(member) for member in value.values()) if isinstance(value, dict) else 0
