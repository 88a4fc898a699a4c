"""Sends one event and one consent, and says what became of them. Start here."""

import os
from uuid import uuid4

import httpx

from copilot import Copilot, CopilotError
from generated.models import ConsentChange, CustomEvent, CustomEventPayload
from timestamps import now_millis


def main() -> None:
    with httpx.Client(timeout=10) as http:
        copilot = Copilot(
            http,
            client_id=os.environ["COPILOT_CLIENT_ID"],
            client_secret=os.environ["COPILOT_CLIENT_SECRET"],
            collect_url=os.environ["COPILOT_CLIENT_COLLECT_ENDPOINT"],
            consent_url=os.environ["COPILOT_CLIENT_CONSENT_ENDPOINT"],
        )
        event = CustomEvent(
            type="custom_event",
            event_id=str(uuid4()),
            timestamp=now_millis(),
            payload=CustomEventPayload(
                subtype="recipe_started", user_id="user-4711", recipe="Oolong", target_celsius=85
            ),
        )
        try:
            refused = copilot.collect([event])
            print(f"event: refused, {refused[0].error}" if refused else "event: taken")
            status = copilot.set_consent(ConsentChange(user_id="user-4711", consent_value=True))
            print(f"consent: recorded, {status}")
        except CopilotError as error:
            raise SystemExit(f"Copilot.cx answered: {error}") from error


if __name__ == "__main__":
    main()
