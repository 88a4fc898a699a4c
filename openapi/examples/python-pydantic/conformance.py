"""Runs the client through every vector of the contract against the sandbox, and reports each case."""

import json
import os
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import httpx
from pydantic import MISSING, BaseModel, JsonValue, TypeAdapter, ValidationError

from copilot import Copilot, CopilotError
from credentials import CredentialsError
from generated.models import ConsentChange, Event, EventTime, InvalidEvent
from limits import LimitError, check_event, check_time
from timestamps import to_millis, to_text
from vectors import (
    AuthVectors,
    BodyCase,
    BodyVectors,
    Report,
    ResponseCase,
    ResponseVectors,
    Sandbox,
    TimeVectors,
    read,
    same,
)

BATCH = 500
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
EVENT_TIME: TypeAdapter[EventTime] = TypeAdapter(EventTime)

M = TypeVar("M", bound=BaseModel)


class Conformance:
    def __init__(self, vectors: Path, report: Report, sandbox: Sandbox, copilot: Copilot) -> None:
        self.vectors = vectors
        self.report = report
        self.sandbox = sandbox
        self.copilot = copilot

    def events(self) -> None:
        for file in sorted(self.vectors.glob("events/*.json")):
            vectors = read(BodyVectors, file)
            name = f"events/{file.name}"

            def parse(text: str, now: int = vectors.now) -> Event:
                event = EVENT.validate_json(text)
                check_event(event, now)
                return event

            ready = [
                (case, event) for case in vectors.cases if (event := self.read_body(name, case, parse)) is not None
            ]
            for start in range(0, len(ready), BATCH):
                batch = ready[start : start + BATCH]
                refused = {invalid.index: invalid.error for invalid in self.copilot.collect([e for _, e in batch])}
                for index, (case, _) in enumerate(batch):
                    if index in refused:
                        self.refuse(name, case, "server", str(refused[index]))
                    else:
                        self.report.line("event", file=name, name=case.name, valid=True)
            self.sandbox.reset()

    def consents(self) -> None:
        name = "consent.json"
        for case in read(BodyVectors, self.vectors / name).cases:
            change = self.read_body(name, case, ConsentChange.model_validate_json)
            if change is None:
                continue
            try:
                self.copilot.set_consent(change)
            except CopilotError as error:
                self.refuse(name, case, "server", str(error))
            else:
                self.report.line("event", file=name, name=case.name, valid=True)

    def read_body(self, file: str, case: BodyCase, parse: Callable[[str], M]) -> M | None:
        """The case as a model that would be written back to the same JSON. Reports the others."""
        try:
            model = parse(json.dumps(case.body))
        except ValidationError as error:
            self.refuse(file, case, "validator", error.errors()[0]["type"])
        except LimitError as error:
            self.refuse(file, case, "validator", error.rule)
        else:
            if same(model.model_dump(), case.body):
                return model
            self.refuse(file, case, "unrepresentable", "")
        return None

    def refuse(self, file: str, case: BodyCase, by: str, detail: str) -> None:
        self.report.line("event", file=file, name=case.name, valid=False, by=by, detail=detail)

    def credentials(self) -> None:
        change = self.model_consent()
        for case in read(AuthVectors, self.vectors / "basic-auth.json").cases:
            sent: list[str] = []

            def answer(request: httpx.Request, sent: list[str] = sent) -> httpx.Response:
                sent.append(request.headers["Authorization"])
                return httpx.Response(204)

            with httpx.Client(transport=httpx.MockTransport(answer)) as http:
                try:
                    copilot = Copilot(
                        http,
                        client_id=case.client_id,
                        client_secret=case.client_secret,
                        collect_url="http://127.0.0.1",
                        consent_url="http://127.0.0.1",
                    )
                except CredentialsError:
                    self.report.line("auth", name=case.name, refused=True)
                else:
                    copilot.set_consent(change)
                    self.report.line("auth", name=case.name, header=sent[0])

    def times(self) -> None:
        vectors = read(TimeVectors, self.vectors / "timestamps.json")
        for utc in vectors.utc:
            try:
                self.report.line("time", name=utc.name, epoch_ms=to_millis(utc.text))
            except ValueError:
                self.report.line("time", name=utc.name, refused=True)
        for epoch in vectors.epoch:
            try:
                timestamp = EVENT_TIME.validate_json(json.dumps(epoch.value))
                check_time(timestamp, vectors.now)
                self.report.line("time", name=epoch.name, text=to_text(timestamp))
            except ValueError:
                self.report.line("time", name=epoch.name, refused=True)

    def responses(self) -> None:
        event = next(event for event, _ in self.model_events())
        change = self.model_consent()
        for case in read(ResponseVectors, self.vectors / "responses.json").cases:
            self.sandbox.answer_once(case.answer)
            try:
                self.report.line("response", name=case.name, **self.call(case, event, change))
            except CopilotError as error:
                if error.status == HTTPStatus.OK:
                    self.report.line("response", name=case.name, error=True)
                else:
                    self.report.line("response", name=case.name, status=error.status, reason=error.reason)

    def call(self, case: ResponseCase, event: Event, change: ConsentChange) -> dict[str, JsonValue]:
        """Calls the operation, and says what the client read."""
        if case.operation == "set_consent":
            return {"status": self.copilot.set_consent(change)}
        events = [event.model_copy(update={"event_id": event_id}) for event_id in case.event_ids]
        return {"status": 200, "invalid_events": [members(invalid) for invalid in self.copilot.collect(events)]}

    def round_trips(self) -> None:
        for event, event_type in self.model_events():
            is_sent = not self.copilot.collect([event])
            read_back = EVENT.validate_json(self.sandbox.newest_event())
            is_same = read_back == event
            self.report.line("round_trip", type=event_type, sent=is_sent and is_same, read_as=type(read_back).__name__)

    def model_events(self) -> list[tuple[Event, str]]:
        """The contract's own example of each type."""
        events = [EVENT.validate_json(example(file)) for file in sorted(self.vectors.glob("events/*.json"))]
        return [(event, event.type) for event in events]

    def model_consent(self) -> ConsentChange:
        return ConsentChange.model_validate_json(example(self.vectors / "consent.json"))


def example(file: Path) -> str:
    """The JSON of the contract's own example."""
    return json.dumps(next(case.body for case in read(BodyVectors, file).cases if case.name == "as in the contract"))


def members(invalid: InvalidEvent) -> JsonValue:
    """The members that the contract lists, as the client read them."""
    read_members = {name: getattr(invalid, name) for name in InvalidEvent.model_fields}
    return {name: value for name, value in read_members.items() if value is not MISSING}


def main() -> None:
    vectors = Path(os.environ["COPILOT_VECTORS"])
    now = read(TimeVectors, vectors / "timestamps.json").now
    with httpx.Client(timeout=30, trust_env=False) as http, Report(Path(os.environ["COPILOT_REPORT"])) as report:
        copilot = Copilot(
            http,
            client_id=os.environ["COPILOT_CLIENT_ID"],
            client_secret=os.environ["COPILOT_CLIENT_SECRET"],
            collect_url=os.environ["COPILOT_CLIENT_COLLECT_ENDPOINT"],
            consent_url=os.environ["COPILOT_CLIENT_CONSENT_ENDPOINT"],
            clock=lambda: now,
        )
        conformance = Conformance(vectors, report, Sandbox(http, os.environ["COPILOT_SANDBOX_URL"]), copilot)
        conformance.events()
        conformance.consents()
        conformance.credentials()
        conformance.times()
        conformance.responses()
        conformance.round_trips()
        # mypy refuses the misspelt field of wrong_field.py.
        report.line("wrong_field", by="types")


if __name__ == "__main__":
    main()
