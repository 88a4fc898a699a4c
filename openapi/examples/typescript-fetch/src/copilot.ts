// The client: openapi-fetch with the generated types, the credentials, and an address for each of the two operations.

import createClient, { type Client } from "openapi-fetch";

import type { ConsentChange, Event, InvalidEvent, paths } from "../generated/copilot.js";
import { invalidEvents, refusal, type Refusal } from "./answers.js";
import { authorization } from "./credentials.js";

export type { ConsentChange, Event, InvalidEvent };

export interface Settings {
  clientId: string;
  clientSecret: string;
  /** The whole address of `collect`, path included. */
  collectEndpoint: string;
  /** The whole address of `set_consent`, path included. */
  consentEndpoint: string;
  /** How long a request may take, in milliseconds. */
  timeout?: number;
  /** What sends the requests, where it is not the fetch of this platform. */
  fetch?: (request: Request) => Promise<Response>;
}

/** The request was read. Events that do not stand in `invalid_events` were taken. */
export interface Collected {
  ok: true;
  status: number;
  invalid_events: InvalidEvent[];
}

export interface ConsentRecorded {
  ok: true;
  status: number;
}

export interface Copilot {
  /** Reports events. Throws where no answer came, and UnreadableAnswer where a success cannot be read. */
  collect(events: Event[]): Promise<Collected | Refusal>;
  /** Reports that a user gave or withdrew consent. Throws where no answer came. */
  setConsent(change: ConsentChange): Promise<ConsentRecorded | Refusal>;
}

export function copilot(settings: Settings): Copilot {
  const headers = { Authorization: authorization(settings.clientId, settings.clientSecret) };
  const { timeout = 30_000, fetch = globalThis.fetch } = settings;

  // openapi-fetch appends the contract's path to an address; the environment gives whole addresses.
  const clientFor = (endpoint: string): Client<paths> => {
    const client = createClient<paths>({ baseUrl: new URL(endpoint).origin, headers, fetch, redirect: "error" });
    client.use({ onRequest: ({ request }) => new Request(endpoint, request) });
    return client;
  };
  const collecting = clientFor(settings.collectEndpoint);
  const consenting = clientFor(settings.consentEndpoint);

  return {
    async collect(events) {
      const signal = AbortSignal.timeout(timeout);
      const { data, error, response } = await collecting.POST("/v2/collect", { body: { events }, signal });
      return response.ok
        ? { ok: true, status: response.status, invalid_events: invalidEvents(data) }
        : refusal(response, error);
    },
    async setConsent(change) {
      const { error, response } = await consenting.POST("/v2/api/report/user_copilot_analysis_consent_changed", {
        body: change,
        // A success has nothing to read.
        parseAs: "text",
        signal: AbortSignal.timeout(timeout),
      });
      return response.ok ? { ok: true, status: response.status } : refusal(response, error);
    },
  };
}

/** The client that the four variables COPILOT_… describe. */
export function copilotFromEnvironment(): Copilot {
  return copilot({
    clientId: variable("COPILOT_CLIENT_ID"),
    clientSecret: variable("COPILOT_CLIENT_SECRET"),
    collectEndpoint: variable("COPILOT_CLIENT_COLLECT_ENDPOINT"),
    consentEndpoint: variable("COPILOT_CLIENT_CONSENT_ENDPOINT"),
  });
}

/** An environment variable, which must be there. */
export function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") {
    throw new Error(`${name} is not set`);
  }
  return value;
}
