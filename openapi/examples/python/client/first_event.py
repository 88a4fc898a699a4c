"""Sends one event and one consent, and says what became of them. Start here.

The user and the thing are made up, and are reported all the same: use the sandbox, or a test environment of yours.
"""

from uuid import uuid4

from copilot import Copilot
from generated.models import CollectRequest, ConsentChange, ThingConnectedEvent, ThingConnectedPayload
from generated.types import Unset
from program import run, setting
from timestamps import now_millis


def send() -> None:
    with Copilot(
        client_id=setting("COPILOT_CLIENT_ID"),
        client_secret=setting("COPILOT_CLIENT_SECRET"),
        collect_url=setting("COPILOT_CLIENT_COLLECT_ENDPOINT"),
        consent_url=setting("COPILOT_CLIENT_CONSENT_ENDPOINT"),
    ) as copilot:
        payload = ThingConnectedPayload(thing_id="A4:CF:12:00:9B:3E", user_id="user-4711")
        event = ThingConnectedEvent(
            type_="thing_connected", event_id=str(uuid4()), timestamp=now_millis(), payload=payload
        )
        for refused in copilot.collect(CollectRequest(events=[event])):
            error = "no reason given" if isinstance(refused.error, Unset) else refused.error
            raise SystemExit(f"event: refused, {error}")
        print("event: taken")
        status = copilot.set_consent(ConsentChange(user_id="user-4711", consent_value=True))
        print(f"consent: recorded, {status}")


if __name__ == "__main__":
    run(send)
