"""Sends one event and one consent, and says what became of them. Start here."""

import os
from uuid import uuid4

from copilot import Copilot, CopilotError
from generated.models import CollectRequest, ConsentChange, ThingConnectedEvent, ThingConnectedPayload
from timestamps import now_millis


def main() -> None:
    with Copilot(
        client_id=os.environ["COPILOT_CLIENT_ID"],
        client_secret=os.environ["COPILOT_CLIENT_SECRET"],
        collect_url=os.environ["COPILOT_CLIENT_COLLECT_ENDPOINT"],
        consent_url=os.environ["COPILOT_CLIENT_CONSENT_ENDPOINT"],
    ) as copilot:
        event = ThingConnectedEvent(
            type_="thing_connected",
            event_id=str(uuid4()),
            timestamp=now_millis(),
            payload=ThingConnectedPayload(thing_id="A4:CF:12:00:9B:3E", user_id="user-4711"),
        )
        try:
            refused = copilot.collect(CollectRequest(events=[event]))
            print(f"event: refused, {refused[0].error}" if refused else "event: taken")
            status = copilot.set_consent(ConsentChange(user_id="user-4711", consent_value=True))
            print(f"consent: recorded, {status}")
        except CopilotError as error:
            raise SystemExit(f"Copilot.cx answered: {error}") from error


if __name__ == "__main__":
    main()
