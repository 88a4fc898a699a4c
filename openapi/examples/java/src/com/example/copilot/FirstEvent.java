package com.example.copilot;

import com.example.copilot.generated.model.ConsentChange;
import com.example.copilot.generated.model.Event;
import com.example.copilot.generated.model.PropertyValue;
import com.example.copilot.generated.model.UserCreatedEvent;
import com.example.copilot.generated.model.UserCreatedPayload;
import java.net.URI;
import java.util.List;

/** Sends one event and one consent, and prints what became of them. */
public final class FirstEvent {
    private FirstEvent() {}

    public static void main(String[] arguments) throws Refusal {
        var copilot = new Copilot(
                Credentials.of(System.getenv("COPILOT_CLIENT_ID"), System.getenv("COPILOT_CLIENT_SECRET")),
                URI.create(System.getenv("COPILOT_CLIENT_COLLECT_ENDPOINT")),
                URI.create(System.getenv("COPILOT_CLIENT_CONSENT_ENDPOINT")));

        var userId = "7d1f0c8e-55b2-4b8c-9a53-0f6f2f1f7a10";
        var now = System.currentTimeMillis();
        var event = new UserCreatedEvent()
                .type(UserCreatedEvent.TypeEnum.USER_CREATED)
                .eventId("signup-" + now)
                .timestamp(now)
                .payload(new UserCreatedPayload()
                        .userId(userId)
                        .email("zoe@example.com")
                        .utcOffset("+0100")
                        .putCustomPropertiesItem("devices", new PropertyValue(2L)));

        var refused = copilot.collect(List.of(new Event(event)));
        for (var invalid : refused) {
            System.out.println("refused: event " + invalid.getEventId() + ": " + invalid.getError());
        }
        System.out.println("taken: " + (1 - refused.size()) + " of 1 events");

        copilot.setConsent(new ConsentChange().userId(userId).consentValue(true));
        System.out.println("recorded: the consent");
    }
}
