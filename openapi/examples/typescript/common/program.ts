// What a small program needs around the client: its settings, and what to say of an answer.

import type { Answer, Refusal } from "./answers.js";
import type { Settings } from "./copilot.js";

/** The settings that the four variables COPILOT_… describe. */
export function settings(): Settings {
  return {
    clientId: variable("COPILOT_CLIENT_ID"),
    clientSecret: variable("COPILOT_CLIENT_SECRET"),
    collectEndpoint: variable("COPILOT_CLIENT_COLLECT_ENDPOINT"),
    consentEndpoint: variable("COPILOT_CLIENT_CONSENT_ENDPOINT"),
  };
}

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") {
    throw new Error(`the environment variable ${name} is not set`);
  }
  return value;
}

/** A success in words. Throws an error of one sentence for everything else. */
export function success(what: string, answer: Answer): string {
  switch (answer.outcome) {
    case "taken":
    case "recorded":
      return `${what} was ${answer.outcome}`;
    case "events_refused": {
      // The words repeat what was sent. Here that is made up; in production do not log them.
      const [{ error }] = answer.invalid_events;
      throw new Error(`${what} was refused: ${JSON.stringify(error ?? "no reason given")}`);
    }
    default:
      throw new Error(refusal(what, answer));
  }
}

// Not error_message, which may repeat personal data. What is not of the form of a code, or a number of seconds, may be
// anything, so it is left out too.
function refusal(what: string, { outcome, status, reason, retry_after }: Refusal): string {
  const became = outcome === "server_failed" ? "failed" : "was refused";
  const code = reason !== null && /^[A-Z][A-Z0-9_.]*$/.test(reason) ? reason : "without a reason";
  const wait = retry_after !== null && /^\d+$/.test(retry_after) ? `, try again after ${retry_after} s` : "";
  return `${what} ${became}: ${String(status)} ${code}${wait}`;
}

/** Runs the program, and ends it with one sentence if it fails: all errors of the client say in one what is wrong. */
export function run(main: () => Promise<void>): void {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : "something was thrown that is no error");
    process.exitCode = 1;
  });
}
