"""For the testees of `cargo xtask polyglot`: does what each line of standard input asks, and says what came of it.

It knows no verdicts.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any, Protocol

import httpx

from errors import CopilotError, UnreadableAnswer
from json_values import read_json
from timestamps import check_event_time, to_millis, to_text

Said = dict[str, object]


class Client(Protocol):
    def collect(self, events: list[Any], now: int) -> Said:
        """Sends the events. Returns `invalid_events` as they were read, and the class of the first event as `read_as`."""

    def set_consent(self, change: Any) -> None:
        """Sends the change."""


# How the clients and the generated code refuse what they are given.
REFUSALS = (ValueError, TypeError, KeyError, AttributeError)


def answer(connect: Callable[[str, str], Client]) -> None:
    """Answers all questions."""
    own = connect(os.environ["COPILOT_CLIENT_ID"], os.environ["COPILOT_CLIENT_SECRET"])

    def said(asked: Any) -> Said:
        match asked["do"]:
            case "collect":
                return {"taken": True} | own.collect([read_json(text) for text in asked["events"]], asked["now"])
            case "set_consent":
                other = connect(asked["client_id"], asked["client_secret"]) if "client_id" in asked else own
                other.set_consent(read_json(asked["change"]))
                return {"taken": True}
            case "read_time":
                return {"epoch_ms": to_millis(asked["text"])}
            case _:
                return {"text": to_text(check_event_time(asked["value"], asked["now"]))}

    for line in sys.stdin:
        try:
            result = said(json.loads(line))
        except CopilotError as error:
            result = {"status": error.status, "reason": error.reason}
        except (UnreadableAnswer, httpx.HTTPError) as error:
            result = {"error": str(error)}
        except REFUSALS as error:
            result = {"refused": type(error).__name__}
        print(json.dumps(result), flush=True)
