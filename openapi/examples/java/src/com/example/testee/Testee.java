package com.example.testee;

import com.example.copilot.Copilot;
import com.example.copilot.Credentials;
import com.example.copilot.NoAnswer;
import com.example.copilot.NotSent;
import com.example.copilot.Refusal;
import com.example.copilot.StrictJson;
import com.example.copilot.Times;
import com.example.copilot.Unreadable;
import com.example.copilot.generated.model.ConsentChange;
import com.example.copilot.generated.model.Event;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;

/**
 * The testee of `cargo xtask polyglot`: does what each line of standard input asks, and says what came of it. It knows
 * no verdicts.
 */
public final class Testee {
    private static final ObjectMapper PLAIN = new ObjectMapper();
    private static final ObjectMapper STRICT = StrictJson.mapper();

    private final Copilot own = connect(System.getenv("COPILOT_CLIENT_ID"), System.getenv("COPILOT_CLIENT_SECRET"));

    private Testee() {}

    public static void main(String[] arguments) throws IOException {
        var testee = new Testee();
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println(testee.answer(PLAIN.readTree(line)));
        }
    }

    private ObjectNode answer(JsonNode question) {
        try {
            switch (question.get("do").textValue()) {
                case "collect":
                    return collect(question.get("events"));
                case "set_consent":
                    return setConsent(question);
                case "read_time":
                    return said().put("epoch_ms", Times.parseUtc(question.get("text").textValue()));
                default:
                    return writeTime(question);
            }
        } catch (JsonProcessingException | DateTimeException | Unread unread) {
            return said().put("refused", "types");
        } catch (NotSent broken) {
            return said().put("refused", "validator");
        } catch (Refusal refused) {
            return said().put("status", refused.status()).put("reason", refused.reason().orElse(null));
        } catch (Unreadable | NoAnswer failed) {
            return said().put("error", failed.getMessage());
        }
    }

    private ObjectNode collect(JsonNode texts) throws JsonProcessingException, Refusal, Unreadable, NoAnswer {
        var events = new ArrayList<Event>();
        for (var text : texts) {
            events.add(read(text.textValue(), Event.class));
        }
        var refused = own.collect(events);
        var said = said().put("taken", true);
        said.put("read_as", events.get(0).getActualInstance().getClass().getSimpleName());
        var list = said.putArray("invalid_events");
        refused.forEach(invalid ->
                list.add(STRICT.<ObjectNode>valueToTree(invalid).retain("event_id", "index", "error")));
        return said;
    }

    private ObjectNode setConsent(JsonNode question) throws JsonProcessingException, Refusal, Unreadable, NoAnswer {
        var copilot = own;
        if (question.has("client_id")) {
            try {
                copilot = connect(question.get("client_id").textValue(), question.get("client_secret").textValue());
            } catch (IllegalArgumentException refused) {
                return said().put("refused", "credentials");
            }
        }
        copilot.setConsent(read(question.get("change").textValue(), ConsentChange.class));
        return said().put("taken", true);
    }

    /** Reads the value as the timestamp of an event is read. */
    private static ObjectNode writeTime(JsonNode question) throws JsonProcessingException {
        var milliseconds = read(question.get("value").toString(), Long.class);
        Times.checkEventTime(milliseconds, Instant.ofEpochMilli(question.get("now").longValue()));
        return said().put("text", Times.formatUtc(milliseconds));
    }

    /** What is no value of the type that it is read as. */
    private static final class Unread extends RuntimeException {
        private static final long serialVersionUID = 1;

        private Unread(RuntimeException cause) {
            super(cause);
        }
    }

    private static <T> T read(String text, Class<T> type) throws JsonProcessingException {
        T model;
        try {
            model = STRICT.readValue(text, type);
        } catch (RuntimeException odd) {
            // The class of an unknown or odd `type` is looked for with a cast and a switch, which throw by themselves.
            throw new Unread(odd);
        }
        if (model == null) {
            throw new Unread(null);
        }
        return model;
    }

    private static Copilot connect(String id, String secret) {
        return new Copilot(
                Credentials.of(id, secret),
                System.getenv("COPILOT_CLIENT_COLLECT_ENDPOINT"),
                System.getenv("COPILOT_CLIENT_CONSENT_ENDPOINT"));
    }

    private static ObjectNode said() {
        return PLAIN.createObjectNode();
    }
}
