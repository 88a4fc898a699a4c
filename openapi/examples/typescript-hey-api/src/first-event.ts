// Sends one event and one change of consent, and prints what became of them. Start here.

import { randomUUID } from "node:crypto";

import type { Refusal } from "./answers.js";
import { copilotFromEnvironment, type Event } from "./copilot.js";

const copilot = copilotFromEnvironment();
const user_id = "7d1f0c8e-55b2-4b8c-9a53-0f6f2f1f7a10";

// `type` decides which payload the compiler asks for, and Zod before the event is sent.
const event: Event = {
  type: "user_created",
  event_id: randomUUID(),
  timestamp: Date.now(),
  payload: { user_id, first_name: "Zoë", utc_offset: "+0100", custom_properties: { plan: "gold" } },
};

const collected = await copilot.collect([event]);
if (!collected.ok) {
  refused("the request", collected);
} else if (collected.invalid_events.length > 0) {
  console.log("the event was refused:", collected.invalid_events.map(({ error }) => error ?? "no reason given").join());
  process.exitCode = 1;
} else {
  console.log("the event was taken");
}

const recorded = await copilot.setConsent({ user_id, consent_value: true });
if (recorded.ok) {
  console.log("the consent was recorded");
} else {
  refused("the consent", recorded);
}

function refused(what: string, { status, reason, retryAfter }: Refusal): void {
  console.log(`${what} was refused: ${String(status)} ${reason ?? "without a reason"}`);
  if (retryAfter !== null) {
    console.log(`try again after: ${retryAfter}`);
  }
  process.exitCode = 1;
}
