// The testee of `cargo xtask polyglot`: does what each line of standard input asks, and says what came of it. It knows no
// verdicts.

import { createInterface } from "node:readline";

import { UnreadableAnswer, type Answer } from "./answers.js";
import { BodyRefused } from "./bodies.js";
import type { Copilot, Settings } from "./copilot.js";
import { CredentialsRefused } from "./credentials.js";
import { settings } from "./program.js";
import { NoAnswer } from "./sending.js";
import { fromUtc, isEventTime, toUtc } from "./timestamps.js";

type Question =
  | { do: "collect"; events: string[] }
  | { do: "set_consent"; change: string; client_id?: string; client_secret?: string }
  | { do: "read_time"; text: string }
  | { do: "write_time"; value: unknown; now: number };

const REFUSALS = [BodyRefused, CredentialsRefused, SyntaxError, RangeError];

export async function testee<Event, Change>(create: (settings: Settings) => Copilot<Event, Change>): Promise<void> {
  const own = create(settings());

  async function said(asked: Question): Promise<object> {
    switch (asked.do) {
      case "collect":
        return told(await own.collect(asked.events.map((text) => JSON.parse(text) as Event)));
      case "set_consent": {
        const { client_id: clientId, client_secret: clientSecret } = asked;
        const pair = clientId !== undefined && clientSecret !== undefined ? { clientId, clientSecret } : undefined;
        const copilot = pair === undefined ? own : create({ ...settings(), ...pair });
        return told(await copilot.setConsent(JSON.parse(asked.change) as Change));
      }
      case "read_time":
        return { epoch_ms: fromUtc(asked.text) };
      case "write_time":
        return isEventTime(asked.value, asked.now) ? { text: toUtc(asked.value) } : { refused: "time" };
    }
  }

  for await (const line of createInterface({ input: process.stdin })) {
    const answer = await said(JSON.parse(line) as Question).catch(failed);
    console.log(JSON.stringify(answer));
  }
}

function told(answer: Answer): object {
  switch (answer.outcome) {
    case "taken":
      return { taken: true, invalid_events: [] };
    case "recorded":
      return { taken: true };
    case "events_refused":
      return { taken: true, invalid_events: answer.invalid_events };
    default:
      return { status: answer.status, reason: answer.reason };
  }
}

function failed(error: unknown): object {
  if (error instanceof UnreadableAnswer || error instanceof NoAnswer) {
    return { error: error.message };
  }
  if (REFUSALS.some((kind) => error instanceof kind)) {
    return { refused: (error as Error).name };
  }
  throw error;
}
