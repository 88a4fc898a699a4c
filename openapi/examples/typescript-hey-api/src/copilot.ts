// The client: the generated SDK with the credentials and an address for each of the two operations. Zod judges each
// body before it is sent.

import { createClient, type Client } from "../generated/client/index.js";
import { collect, setConsent, type ConsentChange, type Event, type InvalidEvent } from "../generated/index.js";
import { invalidEvents, refusal, UnreadableAnswer, type Refusal } from "./answers.js";
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
  fetch?: typeof globalThis.fetch;
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
  /**
   * Reports events. Throws a ZodError where one of them breaks a rule that Zod knows, and then sends none; throws as
   * well where no answer came, and UnreadableAnswer where a success cannot be read.
   */
  collect(events: Event[]): Promise<Collected | Refusal>;
  /** Reports that a user gave or withdrew consent. Throws as `collect` does. */
  setConsent(change: ConsentChange): Promise<ConsentRecorded | Refusal>;
}

export function copilot(settings: Settings): Copilot {
  // The generated client would encode the credentials in Latin-1.
  const headers = { Authorization: authorization(settings.clientId, settings.clientSecret) };
  const { timeout = 30_000, fetch = globalThis.fetch } = settings;

  // The SDK appends the contract's path to an address; the environment gives whole addresses.
  const clientFor = (endpoint: string): Client => {
    const baseUrl = new URL(endpoint).origin;
    // Without parseAs an answer that does not say that it is JSON would pass unread.
    const client = createClient({ baseUrl, headers, fetch, parseAs: "json", redirect: "error" });
    client.interceptors.request.use((request) => new Request(endpoint, request));
    return client;
  };
  const collecting = clientFor(settings.collectEndpoint);
  const consenting = clientFor(settings.consentEndpoint);

  return {
    async collect(events) {
      const signal = AbortSignal.timeout(timeout);
      const { data, error, response } = await collect({ client: collecting, body: { events }, signal });
      return response === undefined || (response.ok && error !== undefined)
        ? thrown(response, error)
        : response.ok
          ? { ok: true, status: response.status, invalid_events: invalidEvents(data) }
          : refusal(response, error);
    },
    async setConsent(change) {
      const signal = AbortSignal.timeout(timeout);
      // A success has nothing to read.
      const { error, response } = await setConsent({ client: consenting, body: change, parseAs: "text", signal });
      return response === undefined
        ? thrown(response, error)
        : response.ok
          ? { ok: true, status: response.status }
          : refusal(response, error);
    },
  };
}

/** The SDK returns what went wrong; here it is thrown, unless the server said so. */
function thrown(response: Response | undefined, error: unknown): never {
  if (response !== undefined) {
    throw new UnreadableAnswer("the answer is not what the contract says", { cause: error });
  }
  throw error instanceof Error ? error : new Error("the request was not sent", { cause: error });
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
