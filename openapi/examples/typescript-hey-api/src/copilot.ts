// The client: the generated SDK with the credentials and an address for each of the two operations. Zod judges each
// body before it is sent.

import * as z from "zod";

import { createClient, type Client } from "../generated/client/index.js";
import { collect, setConsent } from "../generated/index.js";
import type { ConsentChange, Event as CopilotEvent, InvalidEvent } from "../generated/index.js";
import { collected, recorded, refusal, UnreadableAnswer } from "./answers.js";
import type { ConsentRecorded, EventsRefused, EventsTaken, Refusal } from "./answers.js";
import { BodyRefused, pointerOf, refuseInvalidUnicode } from "./bodies.js";
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
   * - BodyRefused before sending, where one of them breaks a rule that Zod knows or text is no valid Unicode: then
   *   none is sent;
   * - NoAnswer where no answer came, and UnreadableAnswer where a success cannot be read. In both cases events may
   *   have been taken: sending them again may count them twice.
   */
  collect(events: readonly CopilotEvent[]): Promise<EventsTaken | EventsRefused | Refusal>;
  /** Reports that a user gave or withdrew consent. Throws as `collect` does. */
  setConsent(change: ConsentChange): Promise<ConsentRecorded | Refusal>;
}

/** Throws CredentialsRefused or EndpointRefused where the settings cannot be right. */
export function createCopilot(settings: Settings): Copilot {
  // The generated client would encode the credentials in Latin-1.
  const headers = { Authorization: authorization(settings.clientId, settings.clientSecret) };
  const { timeoutMs = 10_000, send = sendDirect } = settings;

  // Answers are read as text: src/answers.ts judges them, whatever content type they claim.
  const clientFor = (url: URL): Client =>
    createClient({ baseUrl: url.origin, headers, fetch: sender(url, timeoutMs, send), parseAs: "text" });
  const collecting = clientFor(endpoint("collectEndpoint", settings.collectEndpoint));
  const consenting = clientFor(endpoint("consentEndpoint", settings.consentEndpoint));

  return {
    async collect(events) {
      const body = { events: [...events] };
      refuseInvalidUnicode(body);
      const { data, error, response } = await collect({ client: collecting, body });
      if (response === undefined) {
        throw unsent(error);
      }
      return response.ok ? collected(response.status, textOf(response, data)) : refusal(response, error);
    },
    async setConsent(body) {
      refuseInvalidUnicode(body);
      const { error, response } = await setConsent({ client: consenting, body });
      if (response === undefined) {
        throw unsent(error);
      }
      return response.ok ? recorded(response.status) : refusal(response, error);
    },
  };
}

/** The SDK gives text the type of the contract. */
function textOf({ status }: Response, data: unknown): string {
  if (typeof data !== "string") {
    throw new UnreadableAnswer(status, "no text");
  }
  return data;
}

/** The SDK returns the errors of Zod and of fetch; here they are thrown. */
function unsent(error: unknown): Error {
  if (error instanceof z.ZodError) {
    const [issue] = error.issues;
    const [, ...path] = issue?.path ?? [];
    return new BodyRefused(pointerOf(path), issue?.message ?? "breaks a rule");
  }
  return error instanceof Error ? error : new Error("the request was not sent");
}
