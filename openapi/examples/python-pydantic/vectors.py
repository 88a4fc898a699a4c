"""What the conformance runner stands on: the vectors, the sandbox's control API and the report."""

import json
from pathlib import Path
from typing import Literal, Self, TextIO, TypeVar

import httpx
from pydantic import BaseModel, JsonValue

V = TypeVar("V", bound=BaseModel)


class BodyCase(BaseModel):
    name: str
    valid: bool
    body: JsonValue


class BodyVectors(BaseModel):
    """A file of events, or of consents."""

    now: int
    cases: list[BodyCase]


class AuthCase(BaseModel):
    name: str
    client_id: str
    client_secret: str


class AuthVectors(BaseModel):
    cases: list[AuthCase]


class UtcCase(BaseModel):
    name: str
    text: str


class EpochCase(BaseModel):
    name: str
    value: JsonValue


class TimeVectors(BaseModel):
    now: int
    utc: list[UtcCase]
    epoch: list[EpochCase]


class Answer(BaseModel):
    status: int
    headers: dict[str, str]
    body: str


class ResponseCase(BaseModel):
    name: str
    operation: Literal["collect", "set_consent"]
    event_ids: list[str] = []
    answer: Answer


class ResponseVectors(BaseModel):
    cases: list[ResponseCase]


def read(kind: type[V], file: Path) -> V:
    return kind.model_validate_json(file.read_bytes())


def same(one: JsonValue, other: JsonValue) -> bool:
    """Whether two values are the same JSON, where 5 is not 5.0 and 1 is not true."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


class Report:
    """JSON Lines, one for each case."""

    def __init__(self, file: Path) -> None:
        self._file: TextIO = file.open("w", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def line(self, part: str, **members: JsonValue) -> None:
        self._file.write(json.dumps({"part": part, **members}) + "\n")


class _Received(BaseModel):
    event: JsonValue


class _ReceivedPage(BaseModel):
    events: list[_Received]


class Sandbox:
    """The control API of the sandbox."""

    def __init__(self, http: httpx.Client, url: str) -> None:
        self._http = http
        self._url = url

    def answer_once(self, answer: Answer) -> None:
        """The next request gets this very answer."""
        fault = {"next": 1, "fault": {"kind": "answer", **answer.model_dump()}}
        self._http.post(f"{self._url}/_sandbox/faults", json=fault).raise_for_status()

    def newest_event(self) -> str:
        """The JSON of the event that arrived last."""
        response = self._http.get(f"{self._url}/_sandbox/events", params={"limit": 1}).raise_for_status()
        return json.dumps(_ReceivedPage.model_validate_json(response.content).events[0].event)

    def reset(self) -> None:
        """Forgets all events and faults."""
        self._http.post(f"{self._url}/_sandbox/reset").raise_for_status()
