"""Runs the client through every vector of the contract against the sandbox, and compares what became of each case."""

import os
import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, get_args

import httpx

from copilot import Copilot
from credentials import CredentialsError
from errors import CopilotError, LimitError, UnreadableAnswer
from generated import models
from generated.models import CollectRequest, ConsentChange, InvalidEvent
from generated.types import Unset
from json_values import read_json
from runner import Results, RunError, Settings, check_clock, expected_answers, same
from timestamps import to_millis, to_text
from vectors import BodyCase, Case, ResponseCase, Sandbox, Vectors

BATCH = 500
CONSENT = "consent.json"
TEXTS = "texts.json"
AUTH = "basic-auth.json"
TIMES = "timestamps.json"
RESPONSES = "responses.json"
REFUSED = {"refused": True}
# How the generated code refuses what it cannot read.
REFUSALS = (TypeError, ValueError, KeyError, AttributeError)


class Model(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


Body = TypeVar("Body", bound=Model)


class Conformance:
    def __init__(self, vectors: Vectors, results: Results, sandbox: Sandbox, copilot: Copilot) -> None:
        self.vectors = vectors
        self.results = results
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
                reasons = {invalid.index: str(invalid.error) for invalid in refused}
                for index, (case, _) in enumerate(batch):
                    if index in reasons:
                        self.add_invalid(file, case, "server", reasons[index])
                    else:
                        self.add_valid(file, case)
            self.sandbox.reset()

    def consents(self) -> None:
        for case in self.vectors.bodies(CONSENT)["cases"]:
            change = self.read_body(CONSENT, case, case["body"], ConsentChange.from_dict)
            if change is not None:
                self.send_alone(CONSENT, case, change)

    def texts(self) -> None:
        for case in self.vectors.texts():
            try:
                body = read_json(case["text"])
            except ValueError as error:
                self.add_invalid(TEXTS, case, "reader", str(error))
                continue
            request: CollectRequest | ConsentChange | None
            if case["operation"] == "collect":
                request = self.read_body(TEXTS, case, {"events": [body]}, CollectRequest.from_dict)
            else:
                request = self.read_body(TEXTS, case, body, ConsentChange.from_dict)
            if request is not None:
                self.send_alone(TEXTS, case, request)

    def send_alone(self, file: str, case: Case, request: CollectRequest | ConsentChange) -> None:
        """Sends what may sink all that is sent with it."""
        refused: list[InvalidEvent] = []
        try:
            if isinstance(request, CollectRequest):
                refused = self.copilot.collect(request)
            else:
                self.copilot.set_consent(request)
        except LimitError as error:
            self.add_invalid(file, case, "validator", str(error))
        except CopilotError as error:
            self.add_invalid(file, case, "server", str(error))
        else:
            if refused:
                self.add_invalid(file, case, "server", str(refused[0].error))
            else:
                self.add_valid(file, case)

    def read_body(self, file: str, case: Case, body: Any, read: Callable[[Any], Body]) -> Body | None:
        """The body as a model that would be written back to the same JSON. Adds the others to the results."""
        try:
            model = read(body)
            written = model.to_dict()
        except REFUSALS as error:
            self.add_invalid(file, case, "validator", type(error).__name__)
        else:
            if same(written, body):
                return model
            self.add_invalid(file, case, "unrepresentable", "")
        return None

    def add_valid(self, file: str, case: Case) -> None:
        line = {"part": "event", "file": file, "name": case["name"], "valid": True}
        self.results.add(file, case["name"], line, {"valid": case["valid"]})

    def add_invalid(self, file: str, case: Case, by: str, detail: str) -> None:
        line = {"part": "event", "file": file, "name": case["name"], "valid": False, "by": by, "detail": detail}
        self.results.add(file, case["name"], line, {"valid": case["valid"]})

    def credentials(self) -> None:
        change = self.example_consent()
        for case in self.vectors.auth():
            sent: list[str] = []

            def answer(request: httpx.Request, sent: list[str] = sent) -> httpx.Response:
                sent.append(request.headers["Authorization"])
                return httpx.Response(204)

            line: dict[str, object] = {"part": "auth", "name": case["name"]}
            try:
                copilot = Copilot(
                    client_id=case["client_id"],
                    client_secret=case["client_secret"],
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
            self.results.add(AUTH, case["name"], line, {"header": case["header"]} if "header" in case else REFUSED)

    def times(self) -> None:
        vectors = self.vectors.times()
        for utc in vectors["utc"]:
            line: dict[str, object] = {"part": "time", "name": utc["name"]}
            try:
                line["epoch_ms"] = to_millis(utc["text"])
            except ValueError:
                line |= REFUSED
            self.results.add(TIMES, utc["name"], line, {"epoch_ms": utc["epoch_ms"]} if "epoch_ms" in utc else REFUSED)
        # Nothing generated judges an event's time: the server does.
        event = self.vectors.example(self.vectors.event_files()[0])
        for epoch in vectors["epoch"]:
            line = {"part": "time", "name": epoch["name"]}
            request = CollectRequest.from_dict({"events": [{**event, "timestamp": epoch["value"]}]})
            if self.copilot.collect(request):
                line |= REFUSED
            else:
                line["text"] = to_text(request.events[0].timestamp)
            self.results.add(TIMES, epoch["name"], line, {"text": epoch["text"]} if "text" in epoch else REFUSED)

    def responses(self) -> None:
        event = self.vectors.example(self.vectors.event_files()[0])
        for case in self.vectors.responses():
            self.sandbox.answer_once(case["answer"])
            line: dict[str, object] = {"part": "response", "name": case["name"]}
            try:
                line |= self.call(case, event)
            except UnreadableAnswer:
                line["error"] = True
            except CopilotError as error:
                line |= {"status": error.status, "reason": error.reason}
            self.results.add(RESPONSES, case["name"], line, *expected_answers(case["conforms"], case["read"]))

    def call(self, case: ResponseCase, event: dict[str, Any]) -> dict[str, object]:
        """Calls the operation, and says what the client read."""
        if case["operation"] == "set_consent":
            return {"status": self.copilot.set_consent(self.example_consent())}
        events = [{**event, "event_id": event_id} for event_id in case["event_ids"]]
        refused = self.copilot.collect(CollectRequest.from_dict({"events": events}))
        return {"status": 200, "invalid_events": [listed_members(invalid) for invalid in refused]}

    def round_trips(self) -> None:
        schemas = schema_names()
        for file in self.vectors.event_files():
            request = CollectRequest.from_dict({"events": [self.vectors.example(file)]})
            is_sent = not self.copilot.collect(request)
            read_back = CollectRequest.from_dict({"events": [self.sandbox.newest_event()]})
            event = read_back.events[0]
            line = {
                "part": "round_trip",
                "type": event.type_,
                "sent": is_sent and read_back == request,
                "read_as": type(event).__name__,
            }
            name = request.events[0].type_
            self.results.add(file, name, line, {"type": name, "sent": True, "read_as": schemas[name]})

    def example_consent(self) -> ConsentChange:
        return ConsentChange.from_dict(self.vectors.example(CONSENT))


def schema_names() -> dict[str, str]:
    """The schema of each type of event, by the value that its class takes for `type`."""
    names = {}
    for name in models.__all__:
        model = getattr(models, name)
        alias = getattr(model, "__annotations__", {}).get("type_")
        if alias is not None:
            names.update(dict.fromkeys(get_args(getattr(sys.modules[model.__module__], alias)), name))
    return names


def listed_members(invalid: InvalidEvent) -> dict[str, object]:
    """The members that the contract lists, as the client read them."""
    members = {"event_id": invalid.event_id, "index": invalid.index, "error": invalid.error}
    return {name: value for name, value in members.items() if not isinstance(value, Unset)}


def run() -> int:
    """Runs all vectors, and returns how many cases differ."""
    settings = Settings.read(os.environ)
    vectors = Vectors(settings.vectors)
    with (
        httpx.Client(timeout=30, trust_env=False) as http,
        Results(settings.report) as results,
        Copilot(
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            collect_url=settings.collect_url,
            consent_url=settings.consent_url,
            httpx_args={"timeout": 30},
        ) as copilot,
    ):
        check_clock(http, settings.sandbox_url, vectors.times()["now"])
        conformance = Conformance(vectors, results, Sandbox(http, settings.sandbox_url), copilot)
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
