// The client: openapi-fetch with the generated types, the credentials, and an address for each of the two operations.

import createClient, { type Client } from "openapi-fetch";

import type { ConsentChange, Event as CopilotEvent, InvalidEvent, paths } from "../generated/copilot.js";
import { collected, recorded, refusal } from "./answers.js";
import type { ConsentRecorded, EventsRefused, EventsTaken, Refusal } from "./answers.js";
import { refuseInvalidUnicode } from "./bodies.js";
import { authorization } from "./credentials.js";
import { endpoint } from "./endpoints.js";
import { sendDirect, sender, type Send } from "./sending.js";

export type { ConsentChange, ConsentRecorded, CopilotEvent, EventsRefused, EventsTaken, InvalidEvent, Refusal };

export interface Settings {
  clientId: string;
  clientSecret: string;
  /** The whole address of `collect`, path included. */
  collectEndpoint: string;
  /** The whole address of `set_consent`, path included. */
  consentEndpoint: string;
  /** How long a request may take, in milliseconds, until its answer is read: 10 seconds unless said otherwise. */
  timeoutMs?: number;
  /** What sends the requests, where it is not node:http and node:https. */
  send?: Send;
}

export interface Copilot {
  /**
   * Reports events, and says what the server said. Throws
   * - BodyRefused before sending, where text is no valid Unicode;
   * - NoAnswer where no answer came, and UnreadableAnswer where a success cannot be read. In both cases events may
   *   have been taken: sending them again may count them twice.
   */
  collect(events: readonly CopilotEvent[]): Promise<EventsTaken | EventsRefused | Refusal>;
  /** Reports that a user gave or withdrew consent. Throws as `collect` does. */
  setConsent(change: ConsentChange): Promise<ConsentRecorded | Refusal>;
}

/** Throws CredentialsRefused or EndpointRefused where the settings cannot be right. */
export function createCopilot(settings: Settings): Copilot {
  const headers = { Authorization: authorization(settings.clientId, settings.clientSecret) };
  const { timeoutMs = 10_000, send = sendDirect } = settings;

  const clientFor = (url: URL): Client<paths> =>
    createClient<paths>({ baseUrl: url.origin, headers, fetch: sender(url, timeoutMs, send) });
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
      return response.ok ? recorded(response.status) : refusal(response, error);
    },
  };
}
