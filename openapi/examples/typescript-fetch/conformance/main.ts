// Judges all vectors with this client, against a sandbox of its own, which it empties.

import { CredentialsRefused } from "../src/credentials.js";
import { MissingVariable } from "../src/environment.js";
import { NoAnswer } from "../src/sending.js";
import { judgeBodies, roundTrip } from "./bodies.js";
import { compile } from "./compiler.js";
import { judgeCredentials, judgeTimestamps } from "./helpers.js";
import { judgePromises } from "./promises.js";
import { Report } from "./report.js";
import { readResponses } from "./responses.js";
import { Sandbox } from "./sandbox.js";
import { NotRunnable, reportFile, sandboxCopilot, sandboxUrl, vectorsFolder } from "./settings.js";
import { judgeTexts } from "./texts.js";
import { Vectors } from "./vectors.js";

async function run(): Promise<boolean> {
  const origin = sandboxUrl();
  const copilot = sandboxCopilot(origin);
  const sandbox = new Sandbox(origin);
  const vectors = new Vectors(vectorsFolder());
  const { now, ...times } = vectors.timestamps();
  await sandbox.standsAt(now);

  const report = new Report();
  const verdicts = await compile(vectors.bodies());
  await sandbox.reset();
  await judgeBodies(verdicts, copilot, sandbox, report);
  await judgeTexts(vectors.texts(), copilot, report);
  await roundTrip(verdicts, copilot, sandbox, report);

  const event = {
    type: "preexisting_sync_started" as const,
    event_id: "sync-4711",
    timestamp: now,
    payload: {},
  };
  await readResponses(vectors.responses(), event, copilot, sandbox, report);
  await judgeCredentials(vectors.credentials(), event, report);
  judgeTimestamps({ now, ...times }, report);
  await judgePromises(event, report);

  const wrongField = verdicts.refusesWrongField;
  const line = { part: "wrong_field", by: wrongField ? "types" : "none" };
  report.add(line, "misspelt fields");
  report.expect(wrongField, line, "a misspelt field compiles");

  return report.finish(reportFile());
}

try {
  process.exitCode = (await run()) ? 0 : 1;
} catch (error) {
  if (![NotRunnable, MissingVariable, CredentialsRefused, NoAnswer].some((kind) => error instanceof kind)) {
    throw error;
  }
  console.error((error as Error).message);
  process.exitCode = 2;
}
