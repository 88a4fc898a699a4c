package com.example.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;

/** The sandbox's control API. */
final class Sandbox {
    private final HttpClient http = HttpClient.newHttpClient();
    private final String url;

    Sandbox(String url) {
        this.url = url;
    }

    JsonNode status() throws IOException, InterruptedException {
        return send(request("/_sandbox/status").GET());
    }

    void reset() throws IOException, InterruptedException {
        send(request("/_sandbox/reset").POST(BodyPublishers.noBody()));
    }

    /** Makes the sandbox give this very answer to the next request. */
    void answerNext(JsonNode answer) throws IOException, InterruptedException {
        var fault = Conformance.PLAIN.createObjectNode().put("kind", "answer").setAll((ObjectNode) answer);
        var body = Conformance.PLAIN.createObjectNode().put("next", 1).set("fault", fault);
        send(request("/_sandbox/faults")
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(body.toString())));
    }

    /** The newest event of this id, as it was received. */
    JsonNode received(String eventId) throws IOException, InterruptedException {
        var query = URLEncoder.encode(eventId, StandardCharsets.UTF_8);
        return send(request("/_sandbox/events?limit=1&event_id=" + query).GET()).at("/events/0/event");
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(url + path));
    }

    private JsonNode send(HttpRequest.Builder request) throws IOException, InterruptedException {
        var answer = http.send(request.build(), BodyHandlers.ofString(StandardCharsets.UTF_8));
        if (answer.statusCode() >= 300) {
            throw new IOException(answer.uri() + ": " + answer.statusCode());
        }
        return Conformance.PLAIN.readTree(answer.body());
    }
}
