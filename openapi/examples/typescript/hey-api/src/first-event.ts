// Sends one event and one change of consent, and prints what became of them. Start here. It reports a made-up user:
// use a test environment.

import { randomUUID } from "node:crypto";

import { run, settings, success } from "../../common/program.js";
import { createCopilot, type CopilotEvent } from "./copilot.js";

const user_id = "7d1f0c8e-55b2-4b8c-9a53-0f6f2f1f7a10";

// `type` decides which payload the compiler asks for, and Zod before the event is sent.
const event: CopilotEvent = {
  type: "user_created",
  event_id: randomUUID(),
  timestamp: Date.now(),
  payload: { user_id, first_name: "Zoë", utc_offset: "+0100", custom_properties: { plan: "gold" } },
};

run(async () => {
  const copilot = createCopilot(settings());
  console.log(success("the event", await copilot.collect([event])));
  console.log(success("the consent", await copilot.setConsent({ user_id, consent_value: true })));
});
