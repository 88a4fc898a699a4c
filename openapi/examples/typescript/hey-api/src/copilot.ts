// The client: the generated SDK with the credentials and an address for each of the two operations. Zod judges each
// body before it is sent.

import * as z from "zod";

import { createClient, type Client } from "../generated/client/index.js";
import { collect, setConsent } from "../generated/index.js";
import type { ConsentChange, Event as CopilotEvent } from "../generated/index.js";
import { collected, recorded, refusal, UnreadableAnswer } from "../../common/answers.js";
import { BodyRefused, pointerOf, refuseInvalidUnicode } from "../../common/bodies.js";
import type { Copilot, Settings } from "../../common/copilot.js";
import { authorization } from "../../common/credentials.js";
import { endpoint } from "../../common/endpoints.js";
import { sender } from "../../common/sending.js";

export type { ConsentChange, CopilotEvent };

/** Throws CredentialsRefused or EndpointRefused where the settings cannot be right. */
export function createCopilot(settings: Settings): Copilot<CopilotEvent, ConsentChange> {
  // The generated client would encode the credentials in Latin-1.
  const headers = { Authorization: authorization(settings.clientId, settings.clientSecret) };
  const { timeoutMs = 10_000 } = settings;

  // Answers are read as text: common/answers.ts judges them, whatever content type they claim.
  const clientFor = (url: URL): Client =>
    createClient({ baseUrl: url.origin, headers, fetch: sender(url, timeoutMs), parseAs: "text" });
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
      return response.ok ? recorded(response) : refusal(response, error);
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
