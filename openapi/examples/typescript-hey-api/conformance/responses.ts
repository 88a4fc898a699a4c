// What the client makes of answers, the contract's own and others.

import { isDeepStrictEqual } from "node:util";

import type { ConsentRecorded, Copilot, CopilotEvent } from "../src/copilot.js";
import type { EventsRefused, EventsTaken, Refusal } from "../src/copilot.js";
import type { Report } from "./report.js";
import type { Sandbox } from "./sandbox.js";
import type { ResponseCase } from "./vectors.js";

export async function readResponses(
  cases: ResponseCase[],
  event: CopilotEvent,
  copilot: Copilot,
  sandbox: Sandbox,
  report: Report,
): Promise<void> {
  for (const one of cases) {
    await sandbox.answerNext(one.answer);
    const answer = await answerOf(one, event, copilot).catch((error: unknown) => error);
    const read = reported(answer);
    const line = { part: "response", name: one.name, ...read };
    report.add(line, "answers read");

    const { error_message = null, retry_after = null, unreadable, ...expected } = one.read;
    // Where an answer is none that the contract describes, an error is as good.
    const holds = "error" in read ? !one.conforms : unreadable !== true && isDeepStrictEqual(read, expected);
    report.expect(holds, line, `read as ${JSON.stringify(read)}`);
    if (isRefusal(answer)) {
      const rest = { error_message: answer.error_message, retry_after: answer.retry_after };
      report.expect(isDeepStrictEqual(rest, { error_message, retry_after }), line, `read with ${JSON.stringify(rest)}`);
    }
  }
}

type Answer = EventsTaken | EventsRefused | ConsentRecorded | Refusal;

async function answerOf(one: ResponseCase, event: CopilotEvent, copilot: Copilot): Promise<Answer> {
  return one.operation === "set_consent"
    ? copilot.setConsent({ user_id: "7d1f0c8e-55b2-4b8c-9a53-0f6f2f1f7a10", consent_value: true })
    : copilot.collect((one.event_ids ?? []).map((event_id) => ({ ...event, event_id })));
}

/** The answer as the report has it. */
function reported(answer: unknown): Record<string, unknown> {
  if (!isAnswer(answer)) {
    return { error: true };
  }
  const { status } = answer;
  switch (answer.outcome) {
    case "taken":
      return { status, invalid_events: [] };
    case "events_refused":
      return { status, invalid_events: answer.invalid_events };
    case "recorded":
      return { status };
    default:
      return { status, reason: answer.reason };
  }
}

function isAnswer(answer: unknown): answer is Answer {
  return typeof answer === "object" && answer !== null && "outcome" in answer;
}

function isRefusal(answer: unknown): answer is Refusal {
  return isAnswer(answer) && "reason" in answer;
}
