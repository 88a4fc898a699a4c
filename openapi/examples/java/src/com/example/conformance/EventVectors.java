package com.example.conformance;

import static com.example.conformance.Conformance.PLAIN;

import com.example.copilot.Refusal;
import com.example.copilot.Rules;
import com.example.copilot.StrictJson;
import com.example.copilot.generated.model.ConsentChange;
import com.example.copilot.generated.model.Event;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.function.Consumer;

/** The cases of events and of consents. */
final class EventVectors {
    private static final int BATCH = 250;
    private static final String IN_THE_CONTRACT = "as in the contract";

    /** Equal JSON: an integer only equals itself, a decimal number its value. */
    private static final Comparator<JsonNode> SAME = (left, right) -> {
        if (left.isFloatingPointNumber() && right.isFloatingPointNumber()) {
            return Double.compare(left.doubleValue(), right.doubleValue());
        }
        return left.equals(right) ? 0 : 1;
    };

    private final Conformance run;
    private final ObjectMapper mapper = StrictJson.mapper();

    EventVectors(Conformance run) {
        this.run = run;
    }

    void judgeEvents(String file) throws IOException, InterruptedException {
        var names = new ArrayList<String>();
        var waiting = new ArrayList<Event>();
        for (var test : run.read(file).get("cases")) {
            var name = test.get("name").textValue();
            if (!judge(file, name, test.get("body"), Event.class, event -> {
                names.add(name);
                waiting.add(event);
            })) {
                continue;
            }
            if (name.equals(IN_THE_CONTRACT)) {
                roundTrip(waiting.get(waiting.size() - 1));
            }
            if (waiting.size() == BATCH) {
                send(file, names, waiting);
            }
        }
        if (!waiting.isEmpty()) {
            send(file, names, waiting);
        }
    }

    void judgeConsents(String file) throws IOException {
        for (var test : run.read(file).get("cases")) {
            var name = test.get("name").textValue();
            judge(file, name, test.get("body"), ConsentChange.class, change -> {
                try {
                    run.copilot.setConsent(change);
                    verdict(file, name, null, null);
                } catch (Refusal refused) {
                    if (refused.status() != 400) {
                        throw new IllegalStateException(refused);
                    }
                    verdict(file, name, "server", refused.reason().orElse(""));
                }
            });
        }
    }

    /** Reads a body into its model, checks the model, and writes it back. Says whether it was handed on to be sent. */
    private <T> boolean judge(String file, String name, JsonNode body, Class<T> type, Consumer<T> send)
            throws IOException {
        T model;
        try {
            model = mapper.readValue(body.toString(), type);
            if (model == null) {
                throw new IllegalArgumentException("null");
            }
        } catch (JsonProcessingException | RuntimeException unreadable) {
            // The class of an unknown or odd `type` is looked for with a cast and a switch, which throw by themselves.
            verdict(file, name, "types", unreadable.getMessage());
            return false;
        }
        try {
            Rules.check(model);
        } catch (IllegalArgumentException broken) {
            verdict(file, name, "validator", broken.getMessage());
            return false;
        }
        var written = PLAIN.readTree(mapper.writeValueAsString(model));
        if (!body.equals(SAME, written)) {
            verdict(file, name, "unrepresentable", "it would be written otherwise");
            return false;
        }
        send.accept(model);
        return true;
    }

    private void send(String file, List<String> names, List<Event> events) {
        var refused = new HashMap<Long, String>();
        try {
            run.copilot.collect(events).forEach(invalid -> refused.put(invalid.getIndex(), invalid.getError()));
        } catch (Refusal whole) {
            throw new IllegalStateException(whole);
        }
        for (var index = 0; index < names.size(); index++) {
            var error = refused.get((long) index);
            verdict(file, names.get(index), error == null ? null : "server", error);
        }
        names.clear();
        events.clear();
    }

    private void verdict(String file, String name, String by, String detail) {
        var fields = PLAIN.createObjectNode().put("part", "event").put("file", file).put("name", name);
        fields.put("valid", by == null);
        if (by != null) {
            fields.put("by", by).put("detail", detail);
        }
        run.line(fields);
    }

    /** Sends an event, reads it back from the sandbox, and tells which class the discriminator chose. */
    private void roundTrip(Event event) throws IOException, InterruptedException {
        var written = PLAIN.readTree(mapper.writeValueAsString(event));
        List<?> refused;
        try {
            refused = run.copilot.collect(List.of(event));
        } catch (Refusal whole) {
            throw new IllegalStateException(whole);
        }
        var received = run.sandbox.received(written.get("event_id").textValue());
        var read = mapper.readValue(received.toString(), Event.class);
        run.line(PLAIN.createObjectNode()
                .put("part", "round_trip")
                .put("type", written.get("type").textValue())
                .put("sent", refused.isEmpty() && written.equals(SAME, received))
                .put("read_as", read.getActualInstance().getClass().getSimpleName()));
    }
}
