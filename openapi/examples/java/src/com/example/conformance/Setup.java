package com.example.conformance;

import com.example.copilot.Endpoint;
import com.example.copilot.NoAnswer;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URI;

/** What must be right before anything is sent. Each mistake is an IllegalArgumentException of one sentence. */
final class Setup {
    private Setup() {}

    static String variable(String name) {
        var value = System.getenv(name);
        if (value == null || value.isEmpty()) {
            throw new IllegalArgumentException("the environment variable " + name + " is not set");
        }
        return value;
    }

    /** Refuses every other machine: the run sends thousands of made-up events and empties the sandbox. */
    static URI sandbox() {
        var text = variable("COPILOT_SANDBOX_URL").replaceAll("/+$", "");
        try {
            var url = Endpoint.parse("the sandbox", text);
            if (url.getScheme().equalsIgnoreCase("http")) {
                return url; // plain http is for loopback hosts only
            }
        } catch (IllegalArgumentException none) {
            // told below
        }
        throw new IllegalArgumentException(
                "COPILOT_SANDBOX_URL must be an http URL of this machine, as http://127.0.0.1:7301");
    }

    /** Refuses a sandbox that would judge the times of the vectors by another moment than theirs. */
    static void checkClock(URI url, Sandbox sandbox, JsonNode now) throws InterruptedException {
        JsonNode clock;
        try {
            clock = sandbox.status().path("clock");
        } catch (IOException failed) {
            throw new IllegalArgumentException(new NoAnswer(url, failed).getMessage());
        }
        if (!clock.isIntegralNumber() || clock.longValue() != now.longValue()) {
            throw new IllegalArgumentException("start the sandbox with --clock " + now.longValue()
                    + ": the vectors are judged at that moment");
        }
    }
}
