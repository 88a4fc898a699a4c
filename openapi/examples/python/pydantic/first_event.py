"""Sends one event and one consent, and says what became of them. Start here.

The user is made up, and is reported all the same: use the sandbox, or a test environment of yours.
"""

from uuid import uuid4

from pydantic import MISSING

from copilot import Copilot
from generated.models import ConsentChange, CustomEvent, CustomEventPayload
from program import run, setting
from timestamps import now_millis


def send() -> None:
    with Copilot(
        client_id=setting("COPILOT_CLIENT_ID"),
        client_secret=setting("COPILOT_CLIENT_SECRET"),
        collect_url=setting("COPILOT_CLIENT_COLLECT_ENDPOINT"),
        consent_url=setting("COPILOT_CLIENT_CONSENT_ENDPOINT"),
    ) as copilot:
        report(copilot)


def report(copilot: Copilot) -> None:
    payload = CustomEventPayload(subtype="recipe_started", user_id="user-4711", recipe="Oolong", target_celsius=85)
    event = CustomEvent(type="custom_event", event_id=str(uuid4()), timestamp=now_millis(), payload=payload)
    for refused in copilot.collect([event]):
        raise SystemExit(f"event: refused, {'no reason given' if refused.error is MISSING else refused.error}")
    print("event: taken")
    status = copilot.set_consent(ConsentChange(user_id="user-4711", consent_value=True))
    print(f"consent: recorded, {status}")


if __name__ == "__main__":
    run(send)
