package com.example.copilot;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.regex.Pattern;

/** Where an operation is. */
public final class Endpoint {
    private static final int LAST_PORT = 65_535;
    private static final Pattern LOOPBACK =
            Pattern.compile("localhost|127\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}|\\[::1\\]", Pattern.CASE_INSENSITIVE);

    private Endpoint() {}

    /**
     * Reads the URL of an operation.
     *
     * @throws IllegalArgumentException with the rule that it breaks alone: a wrong URL may hold a password
     */
    public static URI parse(String name, String text) {
        var url = read(text);
        var secure = url != null && "https".equalsIgnoreCase(url.getScheme());
        var plain = url != null && "http".equalsIgnoreCase(url.getScheme());
        if (!secure && !plain || url.getHost() == null || url.getPort() > LAST_PORT) {
            throw new IllegalArgumentException(name + " is not an absolute URL of http or https");
        }
        if (url.getRawUserInfo() != null) {
            throw new IllegalArgumentException(
                    name + " holds user info; the credentials are given apart from it");
        }
        if (plain && !isLoopback(url)) {
            throw new IllegalArgumentException(
                    name + " is plain http, which is for loopback hosts only; use https");
        }
        return url;
    }

    /** Whether a URL is of this very machine: localhost, 127.x.x.x or ::1. */
    public static boolean isLoopback(URI url) {
        return url.getHost() != null && LOOPBACK.matcher(url.getHost()).matches();
    }

    private static URI read(String text) {
        try {
            return text == null ? null : new URI(text);
        } catch (URISyntaxException quotesIt) {
            return null;
        }
    }
}
