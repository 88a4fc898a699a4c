// The client: openapi-fetch with the generated types, the credentials, and an address for each of the two operations.

import createClient, { type Client } from "openapi-fetch";

import type { ConsentChange, Event as CopilotEvent, paths } from "../generated/copilot.js";
import { collected, recorded, refusal } from "../../common/answers.js";
import { refuseInvalidUnicode } from "../../common/bodies.js";
import type { Copilot, Settings } from "../../common/copilot.js";
import { authorization } from "../../common/credentials.js";
import { endpoint } from "../../common/endpoints.js";
import { sender } from "../../common/sending.js";

export type { ConsentChange, CopilotEvent };

/** Throws CredentialsRefused or EndpointRefused where the settings cannot be right. */
export function createCopilot(settings: Settings): Copilot<CopilotEvent, ConsentChange> {
  const headers = { Authorization: authorization(settings.clientId, settings.clientSecret) };
  const { timeoutMs = 10_000 } = settings;

  const clientFor = (url: URL): Client<paths> =>
    createClient<paths>({ baseUrl: url.origin, headers, fetch: sender(url, timeoutMs) });
  const collecting = clientFor(endpoint("collectEndpoint", settings.collectEndpoint));
  const consenting = clientFor(endpoint("consentEndpoint", settings.consentEndpoint));

  return {
    async collect(events) {
      const body = { events: [...events] };
      refuseInvalidUnicode(body);
      // openapi-fetch would take whatever is JSON for the type of the contract, and throw what is none.
      const { data, error, response } = await collecting.POST("/v2/collect", { body, parseAs: "text" });
      return response.ok ? collected(response.status, data ?? "") : refusal(response, error);
    },
    async setConsent(body) {
      refuseInvalidUnicode(body);
      const { error, response } = await consenting.POST("/v2/api/report/user_copilot_analysis_consent_changed", {
        body,
        parseAs: "text",
      });
      return response.ok ? recorded(response) : refusal(response, error);
    },
  };
}
