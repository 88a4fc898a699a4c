// What the client makes of answers, the contract's own and others.

import { isDeepStrictEqual } from "node:util";

import type { Copilot, Event } from "../src/copilot.js";
import type { Report } from "./report.js";
import type { Sandbox } from "./sandbox.js";
import type { ResponseCase } from "./vectors.js";

export async function readResponses(
  cases: ResponseCase[],
  event: Event,
  copilot: Copilot,
  sandbox: Sandbox,
  report: Report,
): Promise<void> {
  for (const one of cases) {
    await sandbox.answerNext(one.answer);
    const read = await readOne(one, event, copilot).catch(() => ({ error: true }));
    report.add({ part: "response", name: one.name, ...read }, "answers read");
    const { status, reason, invalid_events, unreadable } = one.read;
    const expected = {
      status,
      ...(reason === undefined ? {} : { reason }),
      ...(invalid_events === undefined ? {} : { invalid_events }),
    };
    // Where an answer is none that the contract describes, an error is as good.
    const holds = "error" in read ? !one.conforms : unreadable !== true && isDeepStrictEqual(read, expected);
    report.expect(holds, `${one.name}: read as ${JSON.stringify(read)}`);
  }
}

async function readOne(one: ResponseCase, event: Event, copilot: Copilot): Promise<Record<string, unknown>> {
  if (one.operation === "set_consent") {
    const answer = await copilot.setConsent({ user_id: "7d1f0c8e-55b2-4b8c-9a53-0f6f2f1f7a10", consent_value: true });
    return answer.ok ? { status: answer.status } : { status: answer.status, reason: answer.reason };
  }
  const events = (one.event_ids ?? []).map((event_id) => ({ ...event, event_id }));
  const answer = await copilot.collect(events);
  return answer.ok
    ? { status: answer.status, invalid_events: answer.invalid_events }
    : { status: answer.status, reason: answer.reason };
}
