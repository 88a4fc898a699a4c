package com.example.copilot;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * What was to be sent breaks a rule, and nothing was sent: mend the event, or leave it out, and send the others. The
 * message names the place and the rule, never the value.
 */
public final class NotSent extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    private final int index;
    private final String eventId;

    private NotSent(String message, int index, String eventId) {
        super(message);
        this.index = index;
        this.eventId = eventId;
    }

    static NotSent event(int index, String eventId, IllegalArgumentException broken) {
        return new NotSent(
                "event " + index + " (event_id " + eventId + "), nothing was sent: " + broken.getMessage(),
                index,
                eventId);
    }

    static NotSent consent(IllegalArgumentException broken) {
        return new NotSent("the consent, nothing was sent: " + broken.getMessage(), -1, null);
    }

    /** Where the event stands among those to be sent. */
    public OptionalInt index() {
        return index < 0 ? OptionalInt.empty() : OptionalInt.of(index);
    }

    /** The id of the event, if it has one. */
    public Optional<String> eventId() {
        return Optional.ofNullable(eventId);
    }
}
