"""What `collect` promises and the checks of schemathesis cannot know: it rejects events one by one, in an answer of 200."""

import re
import time

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData

# Rules of the contract that JSON Schema cannot say, so that what is generated may break them.
BEYOND_JSON_SCHEMA = {"x-time-window", "x-property-limit"}


def rejections(response):
    """Why events were rejected, in words. None if that is not what the answer is about."""
    answer = response.json() if response.status_code == 200 else {}
    return [event["error"] for event in answer.get("invalid_events", [])]


@schemathesis.hook
def before_call(context, case, **kwargs):
    """Valid events happen now. Times are generated from all that an integer can be, and most lie outside of the window."""
    events = case.body.get("events") if isinstance(case.body, dict) else None
    if case.meta and case.meta.generation.mode.is_positive and isinstance(events, list):
        for event in events:
            event["timestamp"] = int(time.time() * 1000)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """An answer of 200 is a rejection too, if it names an event."""
    return not (isinstance(failure, AcceptedNegativeData) and rejections(response))


@schemathesis.check
def valid_events_are_accepted(ctx, response, case):
    """positive_data_acceptance, event by event."""
    if case.meta and case.meta.generation.mode.is_positive:
        for error in rejections(response):
            rules = set(re.findall(r"\(([\w-]+)(?:, \w+)?\)", error))
            assert rules and rules <= BEYOND_JSON_SCHEMA, f"a valid event was rejected: {error}"
