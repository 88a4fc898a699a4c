package com.example.conformance;

import com.example.copilot.Copilot;
import com.example.copilot.Credentials;
import com.example.copilot.generated.model.Event;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Collectors;

/** Judges the vectors with the generated client against the sandbox, and reports one line for each case. */
public final class Conformance {
    /** The vectors and the report as plain JSON; the models have a mapper of their own. */
    static final ObjectMapper PLAIN = new ObjectMapper();

    final Copilot copilot;
    final Sandbox sandbox = new Sandbox(env("COPILOT_SANDBOX_URL"));
    private final Path vectors = Path.of(env("COPILOT_VECTORS"));
    private final PrintWriter report;

    private Conformance(PrintWriter report) {
        this.report = report;
        copilot = new Copilot(
                Credentials.of(env("COPILOT_CLIENT_ID"), env("COPILOT_CLIENT_SECRET")),
                URI.create(env("COPILOT_CLIENT_COLLECT_ENDPOINT")),
                URI.create(env("COPILOT_CLIENT_CONSENT_ENDPOINT")));
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        // The generated class warns of every unknown `type`, of which the vectors have many.
        var events = Logger.getLogger(Event.class.getName());
        events.setLevel(Level.SEVERE);
        try (var report = new PrintWriter(env("COPILOT_REPORT"), StandardCharsets.UTF_8)) {
            new Conformance(report).run();
        }
    }

    private void run() throws IOException, InterruptedException {
        var events = new EventVectors(this);
        var files = eventFiles();
        for (var file : files) {
            sandbox.reset();
            events.judgeEvents(file);
        }
        events.judgeConsents("consent.json");
        var answers = new AnswerVectors(this);
        answers.credentials("basic-auth.json");
        answers.times("timestamps.json");
        answers.responses("responses.json", files.get(0));
        // That wrong-field/WrongField.java does not compile is a check of its own.
        line(PLAIN.createObjectNode().put("part", "wrong_field").put("by", "types"));
    }

    private List<String> eventFiles() throws IOException {
        try (var files = Files.list(vectors.resolve("events"))) {
            return files.map(file -> "events/" + file.getFileName()).sorted().collect(Collectors.toList());
        }
    }

    JsonNode read(String file) throws IOException {
        return PLAIN.readTree(Files.readString(vectors.resolve(file)));
    }

    void line(ObjectNode fields) {
        report.println(fields);
    }

    private static String env(String name) {
        var value = System.getenv(name);
        if (value == null) {
            throw new IllegalStateException(name + " is not set");
        }
        return value;
    }
}
