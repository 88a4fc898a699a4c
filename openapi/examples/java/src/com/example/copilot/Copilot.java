package com.example.copilot;

import com.example.copilot.generated.ApiClient;
import com.example.copilot.generated.ApiException;
import com.example.copilot.generated.ApiResponse;
import com.example.copilot.generated.api.CollectApi;
import com.example.copilot.generated.api.ConsentApi;
import com.example.copilot.generated.model.CollectRequest;
import com.example.copilot.generated.model.ConsentChange;
import com.example.copilot.generated.model.ErrorBody;
import com.example.copilot.generated.model.Event;
import com.example.copilot.generated.model.InvalidEvent;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/**
 * Joins the generated client with the URLs of the two operations, and tells success from refusal. No exception of it
 * holds the body of a request or of an answer, nor the credentials.
 */
public final class Copilot {
    /** How long a connection may take, the head of an answer, and its body. */
    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    private static final Executor IN_TIME =
            CompletableFuture.delayedExecutor(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);

    private final ObjectMapper mapper = StrictJson.mapper();
    private final URI collectEndpoint;
    private final URI consentEndpoint;
    private final CollectApi collect;
    private final ConsentApi consent;

    /**
     * Takes the whole URL of each operation, path included: either may live anywhere.
     *
     * @throws IllegalArgumentException if one is not an https URL, or an http URL of a loopback host
     */
    public Copilot(Credentials credentials, String collectEndpoint, String consentEndpoint) {
        this.collectEndpoint = Endpoint.parse("the endpoint of collect", collectEndpoint);
        this.consentEndpoint = Endpoint.parse("the endpoint of set_consent", consentEndpoint);
        collect = new CollectApi(operation(credentials, this.collectEndpoint));
        consent = new ConsentApi(operation(credentials, this.consentEndpoint));
    }

    /**
     * Sends events.
     *
     * @return those that were refused, none if all were taken
     * @throws NotSent if an event breaks a rule: it names the event, and none of them was sent
     * @throws Refusal if the whole request was refused
     * @throws Unreadable if the answer is a success that cannot be read: the events may have been taken
     * @throws NoAnswer if no answer came
     */
    public List<InvalidEvent> collect(List<Event> events) throws Refusal, Unreadable, NoAnswer {
        for (var index = 0; index < events.size(); index++) {
            try {
                Rules.check(events.get(index));
            } catch (IllegalArgumentException broken) {
                throw NotSent.event(index, Rules.eventId(events.get(index)), broken);
            }
        }
        try {
            var answer = collect.collectWithHttpInfo(new CollectRequest().events(events));
            // The generated client calls each status from 200 to 299 a success, and reads an empty body as null.
            if (answer.getStatusCode() != 200 || answer.getData() == null) {
                throw new Unreadable();
            }
            var refused = answer.getData().getInvalidEvents();
            if (refused == null) {
                return List.of();
            }
            if (refused.contains(null)) {
                throw new Unreadable(); // Jackson reads null in a list as it stands there
            }
            return refused;
        } catch (ApiException failed) {
            throw refusal(failed, collectEndpoint);
        }
    }

    /**
     * Reports what a user decided.
     *
     * @return the status, 200 or 204: the change was recorded
     * @throws NotSent if it breaks a rule
     * @throws Refusal if it was refused
     * @throws Unreadable if the answer is a success that the contract does not describe
     * @throws NoAnswer if no answer came
     */
    public int setConsent(ConsentChange change) throws Refusal, Unreadable, NoAnswer {
        try {
            Rules.check(change);
        } catch (IllegalArgumentException broken) {
            throw NotSent.consent(broken);
        }
        try {
            var answer = consent.setConsentWithHttpInfo(change);
            var status = answer.getStatusCode();
            if ((status != 200 && status != 204) || isPage(answer)) {
                throw new Unreadable();
            }
            return status;
        } catch (ApiException failed) {
            throw refusal(failed, consentEndpoint);
        }
    }

    /** Says what the exception of the generated client means. That one holds the body of the answer, and is not kept. */
    private Refusal refusal(ApiException failed, URI endpoint) throws Unreadable, NoAnswer {
        if (failed.getCause() instanceof JsonProcessingException) {
            throw new Unreadable(); // Rules has written the request before, so this is about the answer
        }
        if (failed.getCode() == 0) {
            throw new NoAnswer(endpoint, failed.getCause());
        }
        String reason = null;
        if (failed.getResponseBody() != null) {
            try {
                var error = mapper.readValue(failed.getResponseBody(), ErrorBody.class);
                reason = error == null ? null : error.getReason();
            } catch (JsonProcessingException page) {
                reason = null; // the answer of a proxy, which need not be JSON
            }
        }
        var headers = failed.getResponseHeaders();
        return new Refusal(
                failed.getCode(), reason, headers == null ? null : headers.firstValue("Retry-After").orElse(null));
    }

    /** Whether an answer is a page of HTML, which a portal or a proxy gave in place of Copilot.cx. */
    private static boolean isPage(ApiResponse<?> answer) {
        return answer.getHeaders().entrySet().stream()
                .filter(field -> field.getKey().equalsIgnoreCase("Content-Type"))
                .flatMap(field -> field.getValue().stream())
                .anyMatch(type -> type.toLowerCase(Locale.ROOT).startsWith("text/html"));
    }

    private static void close(InputStream body) {
        try {
            body.close();
        } catch (IOException gone) {
            // closed is what it is to be
        }
    }

    private ApiClient operation(Credentials credentials, URI endpoint) {
        return new ApiClient()
                .setObjectMapper(mapper)
                .setConnectTimeout(TIMEOUT)
                .setReadTimeout(TIMEOUT)
                // The timeout of java.net.http ends with the head: a body that drips would be waited for without end.
                .setResponseInterceptor(answer -> IN_TIME.execute(() -> close(answer.body())))
                .setRequestInterceptor(
                        request -> request.uri(endpoint).header("Authorization", credentials.header()));
    }
}
