package com.example.conformance;

import static com.example.conformance.Conformance.PLAIN;

import com.example.copilot.NoAnswer;
import com.example.copilot.Refusal;
import com.example.copilot.Rules;
import com.example.copilot.StrictJson;
import com.example.copilot.Unreadable;
import com.example.copilot.generated.model.ConsentChange;
import com.example.copilot.generated.model.Event;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.exc.StreamReadException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;

/** The cases of events and of consents. */
final class EventVectors {
    private static final int BATCH = 250;
    private static final String IN_THE_CONTRACT = "as in the contract";

    private final Conformance run;
    private final ObjectMapper mapper = StrictJson.mapper();

    /** The schema of each type of event, by the discriminator of the contract. */
    private final JsonNode schemas;

    EventVectors(Conformance run) throws IOException {
        this.run = run;
        var contract = Path.of("generated", "contract.json");
        schemas = PLAIN.readTree(Files.readString(contract)).at("/components/schemas/Event/discriminator/mapping");
    }

    void judgeEvents(String file) throws IOException, InterruptedException {
        var tests = new ArrayList<JsonNode>();
        var waiting = new ArrayList<Event>();
        for (var test : run.read(file).get("cases")) {
            var event = judge(file, test, Event.class);
            if (event == null) {
                continue;
            }
            tests.add(test);
            waiting.add(event);
            if (test.get("name").textValue().equals(IN_THE_CONTRACT)) {
                roundTrip(file, event);
            }
            if (waiting.size() == BATCH) {
                send(file, tests, waiting);
            }
        }
        if (!waiting.isEmpty()) {
            send(file, tests, waiting);
        }
    }

    void judgeConsents(String file) throws IOException {
        for (var test : run.read(file).get("cases")) {
            var change = judge(file, test, ConsentChange.class);
            if (change != null) {
                sendAlone(file, test, change);
            }
        }
    }

    void judgeTexts(String file) throws IOException {
        for (var test : run.read(file).get("cases")) {
            var type = test.get("operation").textValue().equals("collect") ? Event.class : ConsentChange.class;
            var model = judge(file, test, test.get("text").textValue(), type);
            if (model != null) {
                sendAlone(file, test, model);
            }
        }
    }

    /** Sends what may sink all that is sent with it. */
    private void sendAlone(String file, JsonNode test, Object model) throws IOException {
        try {
            if (model instanceof ConsentChange) {
                run.copilot.setConsent((ConsentChange) model);
                verdict(file, test, null, null);
            } else {
                var refused = run.copilot.collect(List.of((Event) model));
                verdict(file, test, refused.isEmpty() ? null : "server", "refused");
            }
        } catch (Refusal refused) {
            if (refused.status() != 400) {
                throw new IllegalStateException(refused);
            }
            verdict(file, test, "server", refused.reason().orElse(""));
        } catch (Unreadable | NoAnswer failed) {
            throw new IllegalStateException(failed);
        }
    }

    private <T> T judge(String file, JsonNode test, Class<T> type) throws IOException {
        return judge(file, test, test.get("body").toString(), type);
    }

    /** Reads a text into its model, checks the model, and writes it back. The model is null if that failed. */
    private <T> T judge(String file, JsonNode test, String text, Class<T> type) throws IOException {
        T model;
        try {
            model = mapper.readValue(text, type);
            if (model == null) {
                throw new IllegalArgumentException("null");
            }
        } catch (StreamReadException unread) {
            verdict(file, test, "reader", unread.getOriginalMessage());
            return null;
        } catch (JsonProcessingException | RuntimeException unreadable) {
            // The class of an unknown or odd `type` is looked for with a cast and a switch, which throw by themselves.
            verdict(file, test, "types", unreadable.getMessage());
            return null;
        }
        try {
            Rules.check(model);
        } catch (IllegalArgumentException broken) {
            verdict(file, test, "validator", broken.getMessage());
            return null;
        }
        var written = PLAIN.readTree(mapper.writeValueAsString(model));
        if (!PLAIN.readTree(text).equals(Tally.SAME, written)) {
            verdict(file, test, "unrepresentable", "it would be written otherwise");
            return null;
        }
        return model;
    }

    private void send(String file, List<JsonNode> tests, List<Event> events) throws IOException {
        var refused = new HashMap<Long, String>();
        try {
            run.copilot.collect(events).forEach(invalid -> refused.put(invalid.getIndex(), invalid.getError()));
        } catch (Refusal | Unreadable | NoAnswer whole) {
            throw new IllegalStateException(whole);
        }
        for (var index = 0; index < tests.size(); index++) {
            var error = refused.get((long) index);
            verdict(file, tests.get(index), error == null ? null : "server", error);
        }
        tests.clear();
        events.clear();
    }

    private void verdict(String file, JsonNode test, String by, String detail) throws IOException {
        var fields = PLAIN.createObjectNode().put("part", "event").put("file", file);
        fields.set("name", test.get("name"));
        fields.put("valid", by == null);
        if (by != null) {
            fields.put("by", by).put("detail", detail);
        }
        var expected = PLAIN.createObjectNode();
        expected.set("valid", test.get("valid"));
        run.tally.line(file, fields, expected);
    }

    /** Sends an event, reads it back from the sandbox, and tells which class the discriminator chose. */
    private void roundTrip(String file, Event event) throws IOException, InterruptedException {
        var written = PLAIN.readTree(mapper.writeValueAsString(event));
        List<?> refused;
        try {
            refused = run.copilot.collect(List.of(event));
        } catch (Refusal | Unreadable | NoAnswer whole) {
            throw new IllegalStateException(whole);
        }
        var received = run.sandbox.received(written.get("event_id").textValue());
        var read = mapper.readValue(received.toString(), Event.class);
        var type = written.get("type").textValue();
        var found = PLAIN.createObjectNode()
                .put("part", "round_trip")
                .put("type", type)
                .put("sent", refused.isEmpty() && written.equals(Tally.SAME, received))
                .put("read_as", read.getActualInstance().getClass().getSimpleName());
        var schema = schemas.path(type).asText();
        run.tally.line(file, found, PLAIN.createObjectNode()
                .put("sent", true)
                .put("read_as", schema.substring(schema.lastIndexOf('/') + 1)));
    }
}
