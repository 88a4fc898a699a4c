package com.example.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Comparator;

/** Compares what became of each case with its vector, and writes it into the report. */
final class Tally {
    /** Equal JSON: an integer only equals itself, a decimal number its value. */
    static final Comparator<JsonNode> SAME = (left, right) -> {
        if (left.isFloatingPointNumber() && right.isFloatingPointNumber()) {
            return Double.compare(left.doubleValue(), right.doubleValue());
        }
        return left.equals(right) ? 0 : 1;
    };

    private static final int SHOWN = 20;

    private final PrintWriter report;
    private int cases;
    private int differ;

    Tally(PrintWriter report) {
        this.report = report;
    }

    /**
     * Counts a case.
     *
     * @param found the line of the report
     * @param expected those of its members that the vector knows
     */
    void line(String file, ObjectNode found, ObjectNode expected) throws IOException {
        line(file, found, expected, false);
    }

    /** Counts a case of which an error may be as right as what is expected. */
    void line(String file, ObjectNode found, ObjectNode expected, boolean errorIsRight) throws IOException {
        report.println(found);
        cases++;
        var members = (ObjectNode) Conformance.PLAIN.readTree(found.toString());
        var known = new ArrayList<String>();
        expected.fieldNames().forEachRemaining(known::add);
        members.retain(known);
        var right = errorIsRight && found.path("error").asBoolean();
        if (right || members.equals(SAME, Conformance.PLAIN.readTree(expected.toString()))) {
            return;
        }
        differ++;
        if (differ <= SHOWN) {
            var name = found.path(found.has("name") ? "name" : "type").textValue();
            System.out.printf(
                    "%s, %s, %s: %s instead of %s%n", found.get("part").textValue(), file, name, found, expected);
        }
    }

    /** Prints the sum, and says whether all is well. */
    boolean end() {
        System.out.printf("%d cases, 0 skipped, %d differ%n", cases, differ);
        return differ == 0;
    }
}
