"""What the conformance runner stands on: the vectors, and the sandbox's control API."""

import json
from pathlib import Path
from typing import Literal, TypeVar

import httpx
from pydantic import BaseModel, JsonValue

Vectors = TypeVar("Vectors", bound=BaseModel)


class Case(BaseModel):
    """What is judged: a body or a text."""

    name: str
    valid: bool


class BodyCase(Case):
    body: JsonValue


class TextCase(Case):
    operation: Literal["collect", "set_consent"]
    text: str


class TextVectors(BaseModel):
    now: int
    cases: list[TextCase]


class BodyVectors(BaseModel):
    """A file of events, or of consents."""

    now: int
    cases: list[BodyCase]


class AuthCase(BaseModel):
    name: str
    client_id: str
    client_secret: str
    header: str | None = None


class AuthVectors(BaseModel):
    cases: list[AuthCase]


class UtcCase(BaseModel):
    name: str
    text: str
    epoch_ms: int | None = None


class EpochCase(BaseModel):
    name: str
    value: JsonValue
    text: str | None = None


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
    conforms: bool
    read: dict[str, JsonValue]


class ResponseVectors(BaseModel):
    cases: list[ResponseCase]


def read_vectors(kind: type[Vectors], file: Path) -> Vectors:
    return kind.model_validate_json(file.read_bytes())


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
