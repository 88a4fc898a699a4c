// What both clients are: made from the same settings, with the same two operations. `Event` and `Change` are the generated
// types.

import type { ConsentRecorded, EventsRefused, EventsTaken, Refusal } from "./answers.js";

export interface Settings {
  clientId: string;
  clientSecret: string;
  /** The whole address of `collect`, path included. */
  collectEndpoint: string;
  /** The whole address of `set_consent`, path included. */
  consentEndpoint: string;
  /** How long a request may take, in milliseconds, until its answer is read: 10 seconds unless said otherwise. */
  timeoutMs?: number;
}

export interface Copilot<Event, Change> {
  /**
   * Reports events, and says what the server said. Throws
   * - BodyRefused before sending, where one of them breaks a rule that the client knows: then none is sent;
   * - NoAnswer where no answer came, and UnreadableAnswer where a success cannot be read. In both cases events may
   *   have been taken: sending them again may count them twice.
   */
  collect(events: readonly Event[]): Promise<EventsTaken | EventsRefused | Refusal>;
  /** Reports that a user gave or withdrew consent. Throws as `collect` does. */
  setConsent(change: Change): Promise<ConsentRecorded | Refusal>;
}
