"""Answers the questions of `cargo xtask polyglot` with this client."""

import os
from typing import Any

from pydantic import MISSING, TypeAdapter

from copilot import Copilot
from generated.models import ConsentChange, Event, InvalidEvent
from questions import Said, answer

EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class Client:
    def __init__(self, client_id: str, client_secret: str) -> None:
        self.now = 0
        self.copilot = Copilot(
            client_id=client_id,
            client_secret=client_secret,
            collect_url=os.environ["COPILOT_CLIENT_COLLECT_ENDPOINT"],
            consent_url=os.environ["COPILOT_CLIENT_CONSENT_ENDPOINT"],
            clock_millis=lambda: self.now,
        )

    def collect(self, events: list[Any], now: int) -> Said:
        self.now = now
        models = [EVENT.validate_python(event) for event in events]
        refused = [listed_members(invalid) for invalid in self.copilot.collect(models)]
        return {"invalid_events": refused, "read_as": type(models[0]).__name__}

    def set_consent(self, change: Any) -> None:
        self.copilot.set_consent(ConsentChange.model_validate(change))


def listed_members(invalid: InvalidEvent) -> Said:
    """The members that the contract lists, as the client read them."""
    members = {name: getattr(invalid, name) for name in InvalidEvent.model_fields}
    return {name: value for name, value in members.items() if value is not MISSING}


if __name__ == "__main__":
    answer(Client)
