"""Runs the client through every vector of the contract against the sandbox, and reports each case."""

import os
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx

from copilot import Copilot, CopilotError
from credentials import CredentialsError
from generated.models import CollectRequest, ConsentChange, InvalidEvent
from generated.types import Unset
from timestamps import to_millis, to_text
from vectors import BodyCase, Report, ResponseCase, Sandbox, Vectors, same

BATCH = 500
CONSENT = "consent.json"
# How the generated code refuses what it cannot read.
REFUSALS = (TypeError, ValueError, KeyError, AttributeError)


class Model(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


M = TypeVar("M", bound=Model)


class Conformance:
    def __init__(self, vectors: Vectors, report: Report, sandbox: Sandbox, copilot: Copilot) -> None:
        self.vectors = vectors
        self.report = report
        self.sandbox = sandbox
        self.copilot = copilot

    def events(self) -> None:
        for file in self.vectors.event_files():
            ready: list[tuple[BodyCase, CollectRequest]] = []
            for case in self.vectors.bodies(file)["cases"]:
                request = self.read_body(file, case, {"events": [case["body"]]}, CollectRequest.from_dict)
                if request is not None:
                    ready.append((case, request))
            for start in range(0, len(ready), BATCH):
                batch = ready[start : start + BATCH]
                refused = self.copilot.collect(CollectRequest(events=[r.events[0] for _, r in batch]))
                words = {invalid.index: str(invalid.error) for invalid in refused}
                for index, (case, _) in enumerate(batch):
                    if index in words:
                        self.refuse(file, case, "server", words[index])
                    else:
                        self.report.line("event", file=file, name=case["name"], valid=True)
            self.sandbox.reset()

    def consents(self) -> None:
        for case in self.vectors.bodies(CONSENT)["cases"]:
            change = self.read_body(CONSENT, case, case["body"], ConsentChange.from_dict)
            if change is None:
                continue
            try:
                self.copilot.set_consent(change)
            except CopilotError as error:
                self.refuse(CONSENT, case, "server", str(error))
            else:
                self.report.line("event", file=CONSENT, name=case["name"], valid=True)

    def read_body(self, file: str, case: BodyCase, body: Any, read: Callable[[Any], M]) -> M | None:
        """The body as a model that would be written back to the same JSON. Reports the others."""
        try:
            model = read(body)
            written = model.to_dict()
        except REFUSALS as error:
            self.refuse(file, case, "validator", type(error).__name__)
        else:
            if same(written, body):
                return model
            self.refuse(file, case, "unrepresentable", "")
        return None

    def refuse(self, file: str, case: BodyCase, by: str, detail: str) -> None:
        self.report.line("event", file=file, name=case["name"], valid=False, by=by, detail=detail)

    def credentials(self) -> None:
        change = self.example_consent()
        for case in self.vectors.auth():
            sent: list[str] = []

            def answer(request: httpx.Request, sent: list[str] = sent) -> httpx.Response:
                sent.append(request.headers["Authorization"])
                return httpx.Response(204)

            try:
                copilot = Copilot(
                    client_id=case["client_id"],
                    client_secret=case["client_secret"],
                    collect_url="http://127.0.0.1",
                    consent_url="http://127.0.0.1",
                    httpx_args={"transport": httpx.MockTransport(answer)},
                )
            except CredentialsError:
                self.report.line("auth", name=case["name"], refused=True)
            else:
                with copilot:
                    copilot.set_consent(change)
                self.report.line("auth", name=case["name"], header=sent[0])

    def times(self) -> None:
        vectors = self.vectors.times()
        for utc in vectors["utc"]:
            try:
                self.report.line("time", name=utc["name"], epoch_ms=to_millis(utc["text"]))
            except ValueError:
                self.report.line("time", name=utc["name"], refused=True)
        # Nothing generated judges an event's time: the server does.
        event = self.vectors.example(self.vectors.event_files()[0])
        for epoch in vectors["epoch"]:
            request = CollectRequest.from_dict({"events": [{**event, "timestamp": epoch["value"]}]})
            if self.copilot.collect(request):
                self.report.line("time", name=epoch["name"], refused=True)
            else:
                self.report.line("time", name=epoch["name"], text=to_text(request.events[0].timestamp))

    def responses(self) -> None:
        event = self.vectors.example(self.vectors.event_files()[0])
        for case in self.vectors.responses():
            self.sandbox.answer_once(case["answer"])
            try:
                self.report.line("response", name=case["name"], **self.call(case, event))
            except CopilotError as error:
                if error.status == HTTPStatus.OK:
                    self.report.line("response", name=case["name"], error=True)
                else:
                    self.report.line("response", name=case["name"], status=error.status, reason=error.reason)

    def call(self, case: ResponseCase, event: dict[str, Any]) -> dict[str, Any]:
        """Calls the operation, and says what the client read."""
        if case["operation"] == "set_consent":
            return {"status": self.copilot.set_consent(self.example_consent())}
        events = [{**event, "event_id": event_id} for event_id in case["event_ids"]]
        refused = self.copilot.collect(CollectRequest.from_dict({"events": events}))
        return {"status": 200, "invalid_events": [members(invalid) for invalid in refused]}

    def round_trips(self) -> None:
        for file in self.vectors.event_files():
            request = CollectRequest.from_dict({"events": [self.vectors.example(file)]})
            is_sent = not self.copilot.collect(request)
            read_back = CollectRequest.from_dict({"events": [self.sandbox.newest_event()]})
            event = read_back.events[0]
            self.report.line(
                "round_trip", type=event.type_, sent=is_sent and read_back == request, read_as=type(event).__name__
            )

    def example_consent(self) -> ConsentChange:
        return ConsentChange.from_dict(self.vectors.example(CONSENT))


def members(invalid: InvalidEvent) -> dict[str, Any]:
    """The members that the contract lists, as the client read them."""
    read_members = {"event_id": invalid.event_id, "index": invalid.index, "error": invalid.error}
    return {name: value for name, value in read_members.items() if not isinstance(value, Unset)}


def main() -> None:
    vectors = Vectors(Path(os.environ["COPILOT_VECTORS"]))
    with (
        httpx.Client(timeout=30, trust_env=False) as http,
        Report(Path(os.environ["COPILOT_REPORT"])) as report,
        Copilot(
            client_id=os.environ["COPILOT_CLIENT_ID"],
            client_secret=os.environ["COPILOT_CLIENT_SECRET"],
            collect_url=os.environ["COPILOT_CLIENT_COLLECT_ENDPOINT"],
            consent_url=os.environ["COPILOT_CLIENT_CONSENT_ENDPOINT"],
            httpx_args={"timeout": 30, "trust_env": False},
        ) as copilot,
    ):
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
