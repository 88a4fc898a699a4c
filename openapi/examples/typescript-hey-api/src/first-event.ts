// Sends one event and one change of consent, and prints what became of them. Start here. It reports a made-up user:
// use a test environment.

import { randomUUID } from "node:crypto";

import type { CopilotEvent, Refusal } from "./copilot.js";
import { copilotFromEnvironment } from "./environment.js";

const user_id = "7d1f0c8e-55b2-4b8c-9a53-0f6f2f1f7a10";

// `type` decides which payload the compiler asks for, and Zod before the event is sent.
const event: CopilotEvent = {
  type: "user_created",
  event_id: randomUUID(),
  timestamp: Date.now(),
  payload: { user_id, first_name: "Zoë", utc_offset: "+0100", custom_properties: { plan: "gold" } },
};

async function main(): Promise<void> {
  const copilot = copilotFromEnvironment();

  const collected = await copilot.collect([event]);
  switch (collected.outcome) {
    case "taken":
      console.log("the event was taken");
      break;
    case "events_refused": {
      // The words repeat what was sent. Here that is made up; in production do not log them.
      const [{ error }] = collected.invalid_events;
      throw new Error(`the event was refused: ${JSON.stringify(error ?? "no reason given")}`);
    }
    default:
      throw new Error(words("the request", collected));
  }

  const recorded = await copilot.setConsent({ user_id, consent_value: true });
  if (recorded.outcome !== "recorded") {
    throw new Error(words("the consent", recorded));
  }
  console.log("the consent was recorded");
}

// Not error_message, which may repeat personal data. What is not of the form of a code, or a number of seconds, may be
// anything, so it is left out too.
function words(what: string, { outcome, status, reason, retry_after }: Refusal): string {
  const became = outcome === "server_failed" ? "failed" : "was refused";
  const code = reason !== null && /^[A-Z][A-Z0-9_.]*$/.test(reason) ? reason : "without a reason";
  const wait = retry_after !== null && /^\d+$/.test(retry_after) ? `, try again after ${retry_after} s` : "";
  return `${what} ${became}: ${String(status)} ${code}${wait}`;
}

// All errors of the client say in one sentence what is wrong.
main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : "something was thrown that is no error");
  process.exitCode = 1;
});
