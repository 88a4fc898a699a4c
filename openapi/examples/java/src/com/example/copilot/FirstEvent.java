package com.example.copilot;

import com.example.copilot.generated.model.ConsentChange;
import com.example.copilot.generated.model.Event;
import com.example.copilot.generated.model.UserCreatedEvent;
import com.example.copilot.generated.model.UserCreatedPayload;
import java.util.List;

/** Sends one event and one consent, and prints what became of them. It reports a made-up user: use a test system. */
public final class FirstEvent {
    private FirstEvent() {}

    public static void main(String[] arguments) {
        try {
            send();
        } catch (Refusal | Unreadable | NoAnswer | IllegalArgumentException failed) {
            System.err.println(failed.getMessage());
            System.exit(1);
        }
    }

    private static void send() throws Refusal, Unreadable, NoAnswer {
        var copilot = new Copilot(
                Credentials.of(variable("COPILOT_CLIENT_ID"), variable("COPILOT_CLIENT_SECRET")),
                variable("COPILOT_CLIENT_COLLECT_ENDPOINT"),
                variable("COPILOT_CLIENT_CONSENT_ENDPOINT"));

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
                        .putCustomPropertiesItem("devices", 2));

        for (var invalid : copilot.collect(List.of(new Event(event)))) {
            throw new IllegalArgumentException(
                    "refused: event " + invalid.getEventId() + ": " + invalid.getError());
        }
        System.out.println("taken: 1 event");

        copilot.setConsent(new ConsentChange().userId(userId).consentValue(true));
        System.out.println("recorded: the consent");
    }

    private static String variable(String name) {
        var value = System.getenv(name);
        if (value == null || value.isEmpty()) {
            throw new IllegalArgumentException("the environment variable " + name + " is not set");
        }
        return value;
    }
}
