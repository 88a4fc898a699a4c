package com.example.copilot;

import com.example.copilot.generated.ApiClient;
import com.example.copilot.generated.ApiException;
import com.example.copilot.generated.api.CollectApi;
import com.example.copilot.generated.api.ConsentApi;
import com.example.copilot.generated.model.ApiError;
import com.example.copilot.generated.model.CollectRequest;
import com.example.copilot.generated.model.ConsentChange;
import com.example.copilot.generated.model.Event;
import com.example.copilot.generated.model.InvalidEvent;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.time.Duration;
import java.util.List;

/** Joins the generated client with the URLs of the two operations, and tells success from refusal. */
public final class Copilot {
    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    private final ObjectMapper mapper = StrictJson.mapper();
    private final CollectApi collect;
    private final ConsentApi consent;

    /** Takes the whole URL of each operation, path included: either may live anywhere. */
    public Copilot(Credentials credentials, URI collectEndpoint, URI consentEndpoint) {
        collect = new CollectApi(operation(credentials, collectEndpoint));
        consent = new ConsentApi(operation(credentials, consentEndpoint));
    }

    /**
     * Sends events.
     *
     * @return those that were refused, none if all were taken
     * @throws IllegalArgumentException if an event breaks a rule: nothing was sent
     * @throws Refusal if the whole request was refused, or what became of it is not known
     */
    public List<InvalidEvent> collect(List<Event> events) throws Refusal {
        events.forEach(Rules::check);
        try {
            var answer = collect.collectWithHttpInfo(new CollectRequest().events(events));
            // The generated client calls each status from 200 to 299 a success, and reads an empty body as null.
            if (answer.getStatusCode() != 200 || answer.getData() == null) {
                throw new Refusal(answer.getStatusCode());
            }
            var refused = answer.getData().getInvalidEvents();
            return refused == null ? List.of() : refused;
        } catch (ApiException refused) {
            throw refusal(refused);
        }
    }

    /**
     * Reports what a user decided.
     *
     * @return the status, 200 or 204: the change was recorded
     * @throws IllegalArgumentException if it breaks a rule: nothing was sent
     * @throws Refusal if it was refused, or what became of it is not known
     */
    public int setConsent(ConsentChange change) throws Refusal {
        Rules.check(change);
        try {
            var status = consent.setConsentWithHttpInfo(change).getStatusCode();
            if (status != 200 && status != 204) {
                throw new Refusal(status);
            }
            return status;
        } catch (ApiException refused) {
            throw refusal(refused);
        }
    }

    private Refusal refusal(ApiException refused) {
        String reason = null;
        if (refused.getResponseBody() != null) {
            try {
                var error = mapper.readValue(refused.getResponseBody(), ApiError.class);
                reason = error == null ? null : error.getReason();
            } catch (JsonProcessingException page) {
                reason = null; // the answer of a proxy, which need not be JSON
            }
        }
        return new Refusal(refused, reason);
    }

    private ApiClient operation(Credentials credentials, URI endpoint) {
        return new ApiClient()
                .setObjectMapper(mapper)
                .setConnectTimeout(TIMEOUT)
                .setReadTimeout(TIMEOUT)
                .setRequestInterceptor(
                        request -> request.uri(endpoint).header("Authorization", credentials.header()));
    }
}
