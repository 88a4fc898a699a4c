package com.example.conformance;

import com.example.copilot.Copilot;
import com.example.copilot.Credentials;
import com.example.copilot.generated.model.Event;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Collectors;

/**
 * Judges the vectors with the generated client against the sandbox, compares every verdict with its vector, and reports
 * one line for each case if a report is asked for.
 */
public final class Conformance {
    /** The vectors and the report as plain JSON; the models have a mapper of their own. */
    static final ObjectMapper PLAIN = new ObjectMapper();

    private static final String CONSENT_PATH = "/v2/api/report/user_copilot_analysis_consent_changed";

    final Copilot copilot;
    final Sandbox sandbox;
    final Tally tally;
    private final Path vectors = Path.of(optional("COPILOT_VECTORS", "../../vectors"));
    private final PrintWriter report;

    private Conformance() throws IOException, InterruptedException {
        var url = Setup.sandbox();
        copilot = new Copilot(
                Credentials.of(Setup.variable("COPILOT_CLIENT_ID"), Setup.variable("COPILOT_CLIENT_SECRET")),
                url + "/v2/collect",
                url + CONSENT_PATH);
        sandbox = new Sandbox(url.toString());
        Setup.checkClock(url, sandbox, read("timestamps.json").get("now"));
        var path = optional("COPILOT_REPORT", "");
        report = path.isEmpty()
                ? new PrintWriter(Writer.nullWriter())
                : new PrintWriter(path, StandardCharsets.UTF_8);
        tally = new Tally(report);
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        // The generated class warns of every unknown `type`, of which the vectors have many.
        var events = Logger.getLogger(Event.class.getName());
        events.setLevel(Level.SEVERE);
        Conformance conformance = null;
        try {
            conformance = new Conformance();
        } catch (IllegalArgumentException misused) {
            System.err.println(misused.getMessage());
            System.exit(2);
        }
        if (!conformance.run()) {
            System.exit(1);
        }
    }

    private boolean run() throws IOException, InterruptedException {
        var events = new EventVectors(this);
        var files = eventFiles();
        for (var file : files) {
            sandbox.reset();
            events.judgeEvents(file);
        }
        events.judgeConsents("consent.json");
        events.judgeTexts("texts.json");
        var answers = new AnswerVectors(this);
        answers.credentials("basic-auth.json");
        answers.times("timestamps.json");
        answers.responses("responses.json", files.get(0));
        // That wrong-field/WrongField.java does not compile is a check of its own.
        report.println(PLAIN.createObjectNode().put("part", "wrong_field").put("by", "types"));
        report.close();
        return tally.end();
    }

    private List<String> eventFiles() throws IOException {
        try (var files = Files.list(vectors.resolve("events"))) {
            return files.map(file -> "events/" + file.getFileName()).sorted().collect(Collectors.toList());
        }
    }

    JsonNode read(String file) throws IOException {
        return PLAIN.readTree(Files.readString(vectors.resolve(file)));
    }

    private static String optional(String name, String otherwise) {
        var value = System.getenv(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }
}
