package com.example.copilot;

import com.example.copilot.generated.ApiException;
import java.util.Optional;

/** An answer that refuses the whole request, or that cannot be read. */
public final class Refusal extends Exception {
    private static final long serialVersionUID = 1;

    private final int status;
    private final String reason;
    private final String retryAfter;

    /** An answer that is no success, though its status says so. */
    Refusal(int status) {
        super("status " + status + " without an answer of the operation");
        this.status = status;
        this.reason = null;
        this.retryAfter = null;
    }

    /** What the generated client throws. Its message repeats the body, personal data included, and is not kept. */
    Refusal(ApiException refused, String reason) {
        super("status " + refused.getCode() + (reason == null ? "" : " " + reason), refused.getCause());
        var headers = refused.getResponseHeaders();
        this.status = refused.getCode();
        this.reason = reason;
        this.retryAfter = headers == null ? null : headers.firstValue("Retry-After").orElse(null);
    }

    /** The HTTP status; 0 if no answer came, or none that can be read. */
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
