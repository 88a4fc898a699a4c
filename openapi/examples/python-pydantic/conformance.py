"""Runs the client through every vector of the contract against the sandbox, and compares what became of each case."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import httpx
from pydantic import MISSING, BaseModel, JsonValue, TypeAdapter, ValidationError

from copilot import Copilot
from credentials import CredentialsError
from errors import CopilotError, LimitError, UnreadableAnswer
from generated.models import ConsentChange, Event, EventTime, InvalidEvent
from json_values import read_json
from limits import check_event, check_time
from runner import Results, RunError, Settings, check_clock, expected_answers, same
from timestamps import to_millis, to_text
from vectors import (
    AuthVectors,
    BodyCase,
    BodyVectors,
    Case,
    ResponseCase,
    ResponseVectors,
    Sandbox,
    TextVectors,
    TimeVectors,
    read_vectors,
)

BATCH = 500
CONSENT = "consent.json"
TEXTS = "texts.json"
AUTH = "basic-auth.json"
TIMES = "timestamps.json"
RESPONSES = "responses.json"
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
EVENT_TIME: TypeAdapter[EventTime] = TypeAdapter(EventTime)
REFUSED = {"refused": True}

Body = TypeVar("Body", bound=BaseModel)
Given = TypeVar("Given")


class Conformance:
    def __init__(self, vectors: Path, results: Results, sandbox: Sandbox, copilot: Copilot) -> None:
        self.vectors = vectors
        self.results = results
        self.sandbox = sandbox
        self.copilot = copilot

    def events(self) -> None:
        for path in sorted(self.vectors.glob("events/*.json")):
            vectors = read_vectors(BodyVectors, path)
            file = f"events/{path.name}"

            def parse(text: str, now: int = vectors.now) -> Event:
                event = EVENT.validate_json(text)
                check_event(event, now)
                return event

            ready = [
                (case, event) for case in vectors.cases if (event := self.read_body(file, case, parse)) is not None
            ]
            for start in range(0, len(ready), BATCH):
                batch = ready[start : start + BATCH]
                refused = {invalid.index: invalid.error for invalid in self.copilot.collect([e for _, e in batch])}
                for index, (case, _) in enumerate(batch):
                    if index in refused:
                        self.add_invalid(file, case, "server", str(refused[index]))
                    else:
                        self.add_valid(file, case)
            self.sandbox.reset()

    def consents(self) -> None:
        for case in read_vectors(BodyVectors, self.vectors / CONSENT).cases:
            change = self.read_body(CONSENT, case, ConsentChange.model_validate_json)
            if change is not None:
                self.send_alone(CONSENT, case, change)

    def texts(self) -> None:
        vectors = read_vectors(TextVectors, self.vectors / TEXTS)

        def parse(value: object) -> Event:
            event = EVENT.validate_python(value)
            check_event(event, vectors.now)
            return event

        for case in vectors.cases:
            try:
                body = read_json(case.text)
            except ValueError as error:
                self.add_invalid(TEXTS, case, "reader", str(error))
                continue
            read = parse if case.operation == "collect" else ConsentChange.model_validate
            model = self.read_value(TEXTS, case, body, read, body)
            if model is not None:
                self.send_alone(TEXTS, case, model)

    def send_alone(self, file: str, case: Case, model: Event | ConsentChange) -> None:
        """Sends what may sink all that is sent with it."""
        refused: list[InvalidEvent] = []
        try:
            if isinstance(model, ConsentChange):
                self.copilot.set_consent(model)
            else:
                refused = self.copilot.collect([model])
        except LimitError as error:
            self.add_invalid(file, case, "validator", error.rule)
        except CopilotError as error:
            self.add_invalid(file, case, "server", str(error))
        else:
            if refused:
                self.add_invalid(file, case, "server", str(refused[0].error))
            else:
                self.add_valid(file, case)

    def read_body(self, file: str, case: BodyCase, parse: Callable[[str], Body]) -> Body | None:
        """The case as a model that would be written back to the same JSON. Adds the others to the results."""
        return self.read_value(file, case, json.dumps(case.body), parse, case.body)

    def read_value(
        self, file: str, case: Case, value: Given, parse: Callable[[Given], Body], body: JsonValue
    ) -> Body | None:
        try:
            model = parse(value)
        except ValidationError as error:
            self.add_invalid(file, case, "validator", error.errors()[0]["type"])
        except LimitError as error:
            self.add_invalid(file, case, "validator", error.rule)
        else:
            if same(model.model_dump(), body):
                return model
            self.add_invalid(file, case, "unrepresentable", "")
        return None

    def add_valid(self, file: str, case: Case) -> None:
        line = {"part": "event", "file": file, "name": case.name, "valid": True}
        self.results.add(file, case.name, line, {"valid": case.valid})

    def add_invalid(self, file: str, case: Case, by: str, detail: str) -> None:
        line = {"part": "event", "file": file, "name": case.name, "valid": False, "by": by, "detail": detail}
        self.results.add(file, case.name, line, {"valid": case.valid})

    def credentials(self) -> None:
        change = self.model_consent()
        for case in read_vectors(AuthVectors, self.vectors / AUTH).cases:
            sent: list[str] = []

            def answer(request: httpx.Request, sent: list[str] = sent) -> httpx.Response:
                sent.append(request.headers["Authorization"])
                return httpx.Response(204)

            line: dict[str, object] = {"part": "auth", "name": case.name}
            try:
                copilot = Copilot(
                    client_id=case.client_id,
                    client_secret=case.client_secret,
                    collect_url="http://127.0.0.1",
                    consent_url="http://127.0.0.1",
                    httpx_args={"transport": httpx.MockTransport(answer)},
                )
            except CredentialsError:
                line |= REFUSED
            else:
                with copilot:
                    copilot.set_consent(change)
                line["header"] = sent[0]
            self.results.add(AUTH, case.name, line, REFUSED if case.header is None else {"header": case.header})

    def times(self) -> None:
        vectors = read_vectors(TimeVectors, self.vectors / TIMES)
        for utc in vectors.utc:
            line: dict[str, object] = {"part": "time", "name": utc.name}
            try:
                line["epoch_ms"] = to_millis(utc.text)
            except ValueError:
                line |= REFUSED
            self.results.add(TIMES, utc.name, line, REFUSED if utc.epoch_ms is None else {"epoch_ms": utc.epoch_ms})
        for epoch in vectors.epoch:
            line = {"part": "time", "name": epoch.name}
            try:
                timestamp = EVENT_TIME.validate_json(json.dumps(epoch.value))
                check_time(timestamp, vectors.now)
                line["text"] = to_text(timestamp)
            except ValueError:
                line |= REFUSED
            self.results.add(TIMES, epoch.name, line, REFUSED if epoch.text is None else {"text": epoch.text})

    def responses(self) -> None:
        event = next(event for event, _ in self.model_events())
        change = self.model_consent()
        for case in read_vectors(ResponseVectors, self.vectors / RESPONSES).cases:
            self.sandbox.answer_once(case.answer)
            line: dict[str, object] = {"part": "response", "name": case.name}
            try:
                line |= self.call(case, event, change)
            except UnreadableAnswer:
                line["error"] = True
            except CopilotError as error:
                line |= {"status": error.status, "reason": error.reason}
            self.results.add(RESPONSES, case.name, line, *expected_answers(case.conforms, case.read))

    def call(self, case: ResponseCase, event: Event, change: ConsentChange) -> dict[str, object]:
        """Calls the operation, and says what the client read."""
        if case.operation == "set_consent":
            return {"status": self.copilot.set_consent(change)}
        events = [event.model_copy(update={"event_id": event_id}) for event_id in case.event_ids]
        return {"status": 200, "invalid_events": [listed_members(each) for each in self.copilot.collect(events)]}

    def round_trips(self) -> None:
        mapping: dict[str, str] = EVENT.json_schema()["discriminator"]["mapping"]
        for event, file in self.model_events():
            is_sent = not self.copilot.collect([event])
            read_back = EVENT.validate_json(self.sandbox.newest_event())
            line = {
                "part": "round_trip",
                "type": event.type,
                "sent": is_sent and read_back == event,
                "read_as": type(read_back).__name__,
            }
            schema = mapping[event.type].rpartition("/")[2]
            self.results.add(file, event.type, line, {"sent": True, "read_as": schema})

    def model_events(self) -> list[tuple[Event, str]]:
        """The contract's own example of each type, and its file."""
        paths = sorted(self.vectors.glob("events/*.json"))
        return [(EVENT.validate_json(example(path)), f"events/{path.name}") for path in paths]

    def model_consent(self) -> ConsentChange:
        return ConsentChange.model_validate_json(example(self.vectors / CONSENT))


def example(path: Path) -> str:
    """The JSON of the contract's own example."""
    cases = read_vectors(BodyVectors, path).cases
    return json.dumps(next(case.body for case in cases if case.name == "as in the contract"))


def listed_members(invalid: InvalidEvent) -> JsonValue:
    """The members that the contract lists, as the client read them."""
    members = {name: getattr(invalid, name) for name in InvalidEvent.model_fields}
    return {name: value for name, value in members.items() if value is not MISSING}


def run() -> int:
    """Runs all vectors, and returns how many cases differ."""
    settings = Settings.read(os.environ)
    now = read_vectors(TimeVectors, settings.vectors / TIMES).now
    with (
        httpx.Client(timeout=30, trust_env=False) as http,
        Results(settings.report) as results,
        Copilot(
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            collect_url=settings.collect_url,
            consent_url=settings.consent_url,
            clock_millis=lambda: now,
            httpx_args={"timeout": 30},
        ) as copilot,
    ):
        check_clock(http, settings.sandbox_url, now)
        conformance = Conformance(settings.vectors, results, Sandbox(http, settings.sandbox_url), copilot)
        conformance.events()
        conformance.consents()
        conformance.texts()
        conformance.credentials()
        conformance.times()
        conformance.responses()
        conformance.round_trips()
        # mypy refuses the misspelt field of wrong_field.py: see `refuses` in commands.json.
        results.write({"part": "wrong_field", "by": "types"})
        print(results.summary())
        return results.differ


def main() -> None:
    try:
        differ = run()
    except httpx.HTTPError as error:
        print(f"no answer from the sandbox: {error}", file=sys.stderr)
        sys.exit(2)
    except (RunError, CredentialsError, CopilotError, UnreadableAnswer) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
