// A program that must not compile: the name of a field is misspelt.

import type { Event as CopilotEvent } from "../generated/copilot.js";

export const event: CopilotEvent = {
  type: "user_created",
  event_id: "signup-4711",
  timestamp: Date.now(),
  payload: { user_id: "7d1f0c8e-55b2-4b8c-9a53-0f6f2f1f7a10", utc_offest: "+0100" },
};
