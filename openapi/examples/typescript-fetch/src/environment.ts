// The settings that stand in the environment.

import { createCopilot, type Copilot } from "./copilot.js";

export class MissingVariable extends Error {
  override readonly name = "MissingVariable";
}

/** An environment variable, which must be there. */
export function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") {
    throw new MissingVariable(`the environment variable ${name} is not set`);
  }
  return value;
}

/** The client that the four variables COPILOT_… describe. */
export function copilotFromEnvironment(): Copilot {
  return createCopilot({
    clientId: variable("COPILOT_CLIENT_ID"),
    clientSecret: variable("COPILOT_CLIENT_SECRET"),
    collectEndpoint: variable("COPILOT_CLIENT_COLLECT_ENDPOINT"),
    consentEndpoint: variable("COPILOT_CLIENT_CONSENT_ENDPOINT"),
  });
}
