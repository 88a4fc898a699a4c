"""Answers the questions of `cargo xtask polyglot` with this client."""

import os
from typing import Any

from copilot import Copilot
from generated.models import CollectRequest, ConsentChange, InvalidEvent
from generated.types import Unset
from questions import Said, answer


class Client:
    def __init__(self, client_id: str, client_secret: str) -> None:
        self.copilot = Copilot(
            client_id=client_id,
            client_secret=client_secret,
            collect_url=os.environ["COPILOT_CLIENT_COLLECT_ENDPOINT"],
            consent_url=os.environ["COPILOT_CLIENT_CONSENT_ENDPOINT"],
        )

    def collect(self, events: list[Any], now: int) -> Said:
        del now  # Nothing generated judges an event's time: the server does.
        request = CollectRequest.from_dict({"events": events})
        refused = [listed_members(invalid) for invalid in self.copilot.collect(request)]
        return {"invalid_events": refused, "read_as": type(request.events[0]).__name__}

    def set_consent(self, change: Any) -> None:
        self.copilot.set_consent(ConsentChange.from_dict(change))


def listed_members(invalid: InvalidEvent) -> Said:
    """The members that the contract lists, as the client read them."""
    members = {"event_id": invalid.event_id, "index": invalid.index, "error": invalid.error}
    return {name: value for name, value in members.items() if not isinstance(value, Unset)}


if __name__ == "__main__":
    answer(Client)
