"""What the conformance runner stands on: the vectors, and the sandbox's control API."""

import json
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import httpx


class Case(TypedDict):
    """What is judged: a body or a text."""

    name: str
    valid: bool


class BodyCase(Case):
    body: Any


class TextCase(Case):
    operation: str
    text: str


class BodyVectors(TypedDict):
    """A file of events, or of consents."""

    now: int
    cases: list[BodyCase]


class AuthCase(TypedDict):
    name: str
    client_id: str
    client_secret: str
    header: NotRequired[str]


class UtcCase(TypedDict):
    name: str
    text: str
    epoch_ms: NotRequired[int]


class EpochCase(TypedDict):
    name: str
    value: Any
    text: NotRequired[str]


class TimeVectors(TypedDict):
    now: int
    utc: list[UtcCase]
    epoch: list[EpochCase]


class Answer(TypedDict):
    status: int
    headers: dict[str, str]
    body: str


class ResponseCase(TypedDict):
    name: str
    operation: str
    event_ids: list[str]
    answer: Answer
    conforms: bool
    read: dict[str, Any]


class Vectors:
    """The folder of vectors."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def event_files(self) -> list[str]:
        return sorted(f"events/{file.name}" for file in self._folder.glob("events/*.json"))

    def bodies(self, file: str) -> BodyVectors:
        vectors: BodyVectors = self._read(file)
        return vectors

    def example(self, file: str) -> Any:
        """The contract's own example."""
        return next(case["body"] for case in self.bodies(file)["cases"] if case["name"] == "as in the contract")

    def texts(self) -> list[TextCase]:
        cases: list[TextCase] = self._read("texts.json")["cases"]
        return cases

    def auth(self) -> list[AuthCase]:
        cases: list[AuthCase] = self._read("basic-auth.json")["cases"]
        return cases

    def times(self) -> TimeVectors:
        vectors: TimeVectors = self._read("timestamps.json")
        return vectors

    def responses(self) -> list[ResponseCase]:
        cases: list[ResponseCase] = self._read("responses.json")["cases"]
        return cases

    def _read(self, file: str) -> Any:
        return json.loads((self._folder / file).read_bytes())


class Sandbox:
    """The control API of the sandbox."""

    def __init__(self, http: httpx.Client, url: str) -> None:
        self._http = http
        self._url = url

    def answer_once(self, answer: Answer) -> None:
        """The next request gets this very answer."""
        fault = {"next": 1, "fault": {"kind": "answer", **answer}}
        self._http.post(f"{self._url}/_sandbox/faults", json=fault).raise_for_status()

    def newest_event(self) -> Any:
        """The event that arrived last."""
        response = self._http.get(f"{self._url}/_sandbox/events", params={"limit": 1}).raise_for_status()
        return response.json()["events"][0]["event"]

    def reset(self) -> None:
        """Forgets all events and faults."""
        self._http.post(f"{self._url}/_sandbox/reset").raise_for_status()
