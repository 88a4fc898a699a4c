package com.example.copilot;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;

/** Refuses values that would not arrive as they are. */
final class Texts {
    private Texts() {}

    /** Whether a text is Unicode: half of a pair of surrogates would be sent as a question mark. */
    static boolean isUnicode(String text) {
        return StandardCharsets.UTF_8.newEncoder().canEncode(text);
    }

    /**
     * Looks through a model that was written.
     *
     * @throws IllegalArgumentException with the place, never the value
     */
    static void check(String place, JsonNode written) {
        if (written.isTextual() && !isUnicode(written.textValue())) {
            throw new IllegalArgumentException(place + ": text that is not valid Unicode");
        }
        if (written.isFloatingPointNumber() && !Double.isFinite(written.doubleValue())) {
            throw new IllegalArgumentException(place + ": no number that JSON has");
        }
        if (!written.isValueNode() && !written.isContainerNode() || written.isPojo()) {
            throw new IllegalArgumentException(place + ": no value that JSON has");
        }
        for (var index = 0; written.isArray() && index < written.size(); index++) {
            check(place + "/" + index, written.get(index));
        }
        written.properties().forEach(member -> {
            if (!isUnicode(member.getKey())) {
                throw new IllegalArgumentException(place + ": a name that is not valid Unicode");
            }
            check(place + "/" + member.getKey(), member.getValue());
        });
    }
}
