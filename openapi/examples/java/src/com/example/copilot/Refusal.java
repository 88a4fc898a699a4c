package com.example.copilot;

import java.util.Optional;
import java.util.regex.Pattern;

/** An answer that refuses the whole request: nothing was taken. 408, 429 and 5XX may be sent again later. */
public final class Refusal extends Exception {
    private static final long serialVersionUID = 1;

    /** The form of a reason that the message tells: a server may write anything there, what was sent to it too. */
    private static final Pattern CODE = Pattern.compile("[A-Z][A-Z0-9_.]*");

    private final int status;
    private final String reason;
    private final String retryAfter;

    Refusal(int status, String reason, String retryAfter) {
        super("refused with status " + status + (reason != null && CODE.matcher(reason).matches() ? ": " + reason : ""));
        this.status = status;
        this.reason = reason;
        this.retryAfter = retryAfter;
    }

    /** The HTTP status. */
    public int status() {
        return status;
    }

    /** The API's code, for example AUTH.UNAUTHORIZED, if the answer has one. */
    public Optional<String> reason() {
        return Optional.ofNullable(reason);
    }

    /** The header of that name, if the answer has one. */
    public Optional<String> retryAfter() {
        return Optional.ofNullable(retryAfter);
    }
}
