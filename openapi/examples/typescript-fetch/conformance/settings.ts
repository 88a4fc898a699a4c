// What the runner reads from the environment. The client talks to the sandbox, whatever addresses stand there beside.

import { isLoopback } from "../src/endpoints.js";
import { variable } from "../src/environment.js";
import { createCopilot, type Copilot } from "../src/copilot.js";

/** Why the vectors cannot be run, in one sentence. */
export class NotRunnable extends Error {
  override readonly name = "NotRunnable";
}

/** The origin of the sandbox. The run sends thousands of made-up events and empties it, so no other host will do. */
export function sandboxUrl(): string {
  const text = variable("COPILOT_SANDBOX_URL");
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" || !isLoopback(url) || url.username !== "" || url.password !== "") {
    throw new NotRunnable("COPILOT_SANDBOX_URL is no http URL of this machine, where the sandbox has to be");
  }
  return url.origin;
}

/** The folder of the vectors. */
export function vectorsFolder(): string {
  return optional("COPILOT_VECTORS") ?? "../../vectors";
}

/** The file to write the report into, if any. */
export function reportFile(): string | undefined {
  return optional("COPILOT_REPORT");
}

/** The client under judgement. */
export function sandboxCopilot(origin: string): Copilot {
  return createCopilot({
    clientId: variable("COPILOT_CLIENT_ID"),
    clientSecret: variable("COPILOT_CLIENT_SECRET"),
    collectEndpoint: `${origin}/v2/collect`,
    consentEndpoint: `${origin}/v2/api/report/user_copilot_analysis_consent_changed`,
  });
}

function optional(name: string): string | undefined {
  const value = process.env[name];
  return value === "" ? undefined : value;
}
