package com.example.conformance;

import static com.example.conformance.Conformance.PLAIN;

import com.example.copilot.Copilot;
import com.example.copilot.Credentials;
import com.example.copilot.NoAnswer;
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
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/** The cases of credentials, of times, and of answers. */
final class AnswerVectors {
    private static final ConsentChange CHANGE = new ConsentChange().userId("u").consentValue(true);

    private final Conformance run;
    private final ObjectMapper mapper = StrictJson.mapper();

    AnswerVectors(Conformance run) {
        this.run = run;
    }

    /** Sends each pair to a server that only keeps the header. */
    void credentials(String file) throws IOException {
        var header = new AtomicReference<String>();
        var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            header.set(exchange.getRequestHeaders().getFirst("Authorization"));
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
        });
        server.start();
        var here = "http://127.0.0.1:" + server.getAddress().getPort() + "/";
        for (var test : run.read(file).get("cases")) {
            var fields = part("auth", test);
            try {
                var credentials = Credentials.of(
                        test.get("client_id").textValue(), test.get("client_secret").textValue());
                new Copilot(credentials, here, here).setConsent(CHANGE);
                fields.put("header", header.get());
            } catch (IllegalArgumentException refused) {
                fields.put("refused", true);
            } catch (Refusal | Unreadable | NoAnswer impossible) {
                throw new IllegalStateException(impossible);
            }
            run.tally.line(file, fields, expected(test, "header"));
        }
        server.stop(0);
    }

    void times(String file) throws IOException {
        var vectors = run.read(file);
        for (var test : vectors.get("utc")) {
            var fields = part("time", test);
            try {
                fields.put("epoch_ms", Times.parseUtc(test.get("text").textValue()));
            } catch (DateTimeException refused) {
                fields.put("refused", true);
            }
            run.tally.line(file, fields, expected(test, "epoch_ms"));
        }
        var now = Instant.ofEpochMilli(vectors.get("now").longValue());
        for (var test : vectors.get("epoch")) {
            var fields = part("time", test);
            try {
                // The type of an event's timestamp, read as the models are.
                var milliseconds = mapper.readValue(test.get("value").toString(), Long.class);
                if (milliseconds == null) {
                    throw new DateTimeException("null");
                }
                Times.checkEventTime(milliseconds, now);
                fields.put("text", Times.formatUtc(milliseconds));
            } catch (DateTimeException | JsonProcessingException refused) {
                fields.put("refused", true);
            }
            run.tally.line(file, fields, expected(test, "text"));
        }
    }

    void responses(String file, String events) throws IOException, InterruptedException {
        var sample = (ObjectNode) run.read(events).at("/cases/0/body");
        for (var test : run.read(file).get("cases")) {
            run.sandbox.answerNext(test.get("answer"));
            var fields = part("response", test);
            try {
                if (test.get("operation").textValue().equals("collect")) {
                    var refused = run.copilot.collect(withIds(sample, test.get("event_ids")));
                    var known = fields.put("status", 200).putArray("invalid_events");
                    refused.forEach(invalid -> known.add(
                            mapper.<ObjectNode>valueToTree(invalid).retain("event_id", "index", "error")));
                } else {
                    fields.put("status", run.copilot.setConsent(CHANGE));
                }
            } catch (Refusal refused) {
                fields.put("status", refused.status()).put("reason", refused.reason().orElse(null));
            } catch (Unreadable unreadable) {
                fields.put("error", true);
            } catch (NoAnswer none) {
                throw new IllegalStateException(none);
            }
            var read = ((ObjectNode) test.get("read")).retain("status", "invalid_events", "reason", "unreadable");
            run.tally.line(file, fields, read, !test.get("conforms").booleanValue());
        }
    }

    /** Events that differ in their ids alone. */
    private List<Event> withIds(ObjectNode sample, JsonNode ids) throws IOException {
        var events = new ArrayList<Event>();
        for (var id : ids) {
            events.add(mapper.readValue(sample.deepCopy().set("event_id", id).toString(), Event.class));
        }
        return events;
    }

    private static ObjectNode expected(JsonNode test, String member) {
        var expected = PLAIN.createObjectNode();
        return test.get("valid").booleanValue()
                ? expected.set(member, test.get(member))
                : expected.put("refused", true);
    }

    private static ObjectNode part(String part, JsonNode test) {
        return PLAIN.createObjectNode().put("part", part).put("name", test.get("name").textValue());
    }
}
