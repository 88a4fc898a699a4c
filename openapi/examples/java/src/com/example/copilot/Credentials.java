package com.example.copilot;

import java.nio.charset.StandardCharsets;
import java.util.Base64;

/** What Copilot.cx gave you, for servers only. It prints as nothing. */
public final class Credentials {
    private final String header;

    private Credentials(String header) {
        this.header = header;
    }

    /**
     * Refuses what HTTP Basic cannot carry. No message quotes either.
     *
     * @throws IllegalArgumentException for an empty text, a colon in the id, a control character, or no Unicode
     */
    public static Credentials of(String clientId, String clientSecret) {
        if (clientId == null || clientSecret == null || clientId.isEmpty() || clientSecret.isEmpty()) {
            throw new IllegalArgumentException("the client id or the client secret is empty");
        }
        if (clientId.indexOf(':') >= 0) {
            throw new IllegalArgumentException("the client id holds a colon");
        }
        if (!Texts.isUnicode(clientId) || !Texts.isUnicode(clientSecret)) {
            throw new IllegalArgumentException("the client id or the client secret is not valid Unicode");
        }
        var pair = clientId + ":" + clientSecret;
        if (pair.chars().anyMatch(Character::isISOControl)) {
            throw new IllegalArgumentException(
                    "the client id or the client secret holds a control character, perhaps a newline at its end");
        }
        return new Credentials("Basic " + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8)));
    }

    /** The header Authorization. */
    String header() {
        return header;
    }

    @Override
    public String toString() {
        return "Credentials(…)";
    }
}
