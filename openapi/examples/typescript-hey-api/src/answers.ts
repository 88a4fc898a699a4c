// What comes back. Zod has judged the body of a success, but takes the text "1" for an integer.

import type { InvalidEvent } from "../generated/index.js";

/** A success that cannot be read: which events were taken is not known. */
export class UnreadableAnswer extends Error {
  override readonly name = "UnreadableAnswer";
}

/** Why a whole request was refused. */
export interface Refusal {
  ok: false;
  status: number;
  /** A code for programs, such as `AUTH.UNAUTHORIZED`; null where the body is not the API's own. */
  reason: string | null;
  /** The header `Retry-After`: seconds, or an HTTP date. */
  retryAfter: string | null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function member<T>(object: Record<string, unknown>, name: string, is: (value: unknown) => value is T): T | undefined {
  const value = object[name];
  if (value === undefined || is(value)) {
    return value;
  }
  throw new UnreadableAnswer(`invalid_events: ${name} is not what the contract says`);
}

const isText = (value: unknown): value is string => typeof value === "string";
const isInteger = (value: unknown): value is number => Number.isSafeInteger(value);

function invalidEvent(value: unknown): InvalidEvent {
  if (!isObject(value)) {
    throw new UnreadableAnswer("invalid_events: not a list of objects");
  }
  const event_id = member(value, "event_id", isText);
  const index = member(value, "index", isInteger);
  const error = member(value, "error", isText);
  return {
    ...(event_id === undefined ? {} : { event_id }),
    ...(index === undefined ? {} : { index }),
    ...(error === undefined ? {} : { error }),
  };
}

/** The events that were refused, from the body of a 200. No body, no list and null all mean none. */
export function invalidEvents(body: unknown): InvalidEvent[] {
  if (body === undefined) {
    return [];
  }
  if (!isObject(body)) {
    throw new UnreadableAnswer("the answer is not an object");
  }
  const list = body["invalid_events"] ?? [];
  if (!Array.isArray(list)) {
    throw new UnreadableAnswer("invalid_events is not a list");
  }
  return list.map(invalidEvent);
}

/** Reads the body of an answer that is no success, whoever wrote it: it may be a proxy's. */
export function refusal(response: Response, body: unknown): Refusal {
  const reason = isObject(body) ? body["reason"] : undefined;
  return {
    ok: false,
    status: response.status,
    reason: isText(reason) ? reason : null,
    retryAfter: response.headers.get("retry-after"),
  };
}
