// What comes back. The generated types say what an answer should be; whether it is, nobody has checked before this.

/** An event that was refused, as the contract has it. */
export interface InvalidEvent {
  event_id?: string;
  index?: number;
  error?: string;
}

/**
 * A success that cannot be read, or one that the contract does not list. Which events were taken is not known: they
 * may all have been, so that sending them again may count them twice.
 */
export class UnreadableAnswer extends Error {
  override readonly name = "UnreadableAnswer";
  readonly status: number;

  constructor(status: number, message: string) {
    super(`the answer, ${String(status)}, cannot be read: ${message}`);
    this.status = status;
  }
}

/** Every event was taken. */
export interface EventsTaken {
  outcome: "taken";
  status: number;
}

/** The request was read. The events that stand in `invalid_events` were refused, perhaps all; the others were taken. */
export interface EventsRefused {
  outcome: "events_refused";
  status: number;
  /** The `error` of each may repeat what was sent, personal data included: do not log it. */
  invalid_events: [InvalidEvent, ...InvalidEvent[]];
}

/** The change of consent was recorded. */
export interface ConsentRecorded {
  outcome: "recorded";
  status: number;
}

/** No success. */
export interface Refusal {
  /**
   * `request_refused`: the request as a whole, and no event of it was taken. `server_failed` (5XX): what became of it
   * is not known, and events may have been taken.
   */
  outcome: "request_refused" | "server_failed";
  status: number;
  /** A code for programs, such as `AUTH.UNAUTHORIZED`; null where the body is not the API's own. */
  reason: string | null;
  /** Words for a person. May repeat what was sent, personal data included: do not log them. */
  error_message: string | null;
  /** The header `Retry-After`: seconds, or an HTTP date. */
  retry_after: string | null;
}

/** What became of a request. */
export type Answer = EventsTaken | EventsRefused | ConsentRecorded | Refusal;

/** What became of events. A body without anything, without a list, or with null in its place refuses none. */
export function collected(status: number, text: string): EventsTaken | EventsRefused {
  if (status !== 200) {
    throw new UnreadableAnswer(status, "the contract lists no such success");
  }
  const body = text === "" ? {} : parsed(status, text);
  if (!isObject(body)) {
    throw new UnreadableAnswer(status, "no object");
  }
  const list = body["invalid_events"] ?? [];
  if (!Array.isArray(list)) {
    throw new UnreadableAnswer(status, "invalid_events is no list");
  }
  const [first, ...others] = list.map((item) => invalidEvent(status, item));
  return first === undefined
    ? { outcome: "taken", status }
    : { outcome: "events_refused", status, invalid_events: [first, ...others] };
}

/** A success of `set_consent`, which has nothing to read. A page of HTML is a portal's or a proxy's. */
export function recorded({ status, headers }: Response): ConsentRecorded {
  if (status !== 200 && status !== 204) {
    throw new UnreadableAnswer(status, "the contract lists no such success");
  }
  if (headers.get("content-type")?.toLowerCase().startsWith("text/html") === true) {
    throw new UnreadableAnswer(status, "a page of HTML");
  }
  return { outcome: "recorded", status };
}

/** Reads the body of an answer that is no success, whoever wrote it: it may be a proxy's. */
export function refusal({ status, headers }: Response, body: unknown): Refusal {
  const { reason, error_message } = isObject(body) ? body : {};
  return {
    outcome: status >= 500 ? "server_failed" : "request_refused",
    status,
    reason: isText(reason) ? reason : null,
    error_message: isText(error_message) ? error_message : null,
    retry_after: headers.get("retry-after"),
  };
}

function parsed(status: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The error of JSON.parse quotes the text, which may hold personal data.
    throw new UnreadableAnswer(status, "no JSON");
  }
}

function invalidEvent(status: number, value: unknown): InvalidEvent {
  if (!isObject(value)) {
    throw new UnreadableAnswer(status, "invalid_events is no list of objects");
  }
  const member = <T>(name: string, is: (value: unknown) => value is T): T | undefined => {
    const found = value[name] ?? undefined;
    if (found === undefined || is(found)) {
      return found;
    }
    throw new UnreadableAnswer(status, `invalid_events: ${name} is not what the contract says`);
  };
  const event_id = member("event_id", isText);
  const index = member("index", isInteger);
  const error = member("error", isText);
  return {
    ...(event_id === undefined ? {} : { event_id }),
    ...(index === undefined ? {} : { index }),
    ...(error === undefined ? {} : { error }),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
