// Judges all vectors with this client, and writes what it found.

import { copilotFromEnvironment, variable } from "../src/copilot.js";
import { judgeBodies, roundTrip } from "./bodies.js";
import { compile } from "./compiler.js";
import { judgeCredentials, judgeTimestamps } from "./helpers.js";
import { Report } from "./report.js";
import { readResponses } from "./responses.js";
import { Sandbox } from "./sandbox.js";
import { Vectors } from "./vectors.js";

const vectors = new Vectors(variable("COPILOT_VECTORS"));
const sandbox = new Sandbox(variable("COPILOT_SANDBOX_URL"));
const copilot = copilotFromEnvironment();
const report = new Report();

const verdicts = await compile(vectors.bodies());
await sandbox.reset();
await judgeBodies(verdicts, copilot, sandbox, report);
await roundTrip(verdicts, copilot, sandbox, report);

const { now, ...times } = vectors.timestamps();
const event = {
  type: "preexisting_sync_started" as const,
  event_id: "sync-4711",
  timestamp: now,
  payload: {},
};
await readResponses(vectors.responses(), event, copilot, sandbox, report);
await judgeCredentials(vectors.credentials(), event, report);
judgeTimestamps({ now, ...times }, report);

const wrongField = verdicts.refusesWrongField;
report.add({ part: "wrong_field", by: wrongField ? "types" : "none" }, "misspelt fields");
report.expect(wrongField, "a misspelt field compiles");

process.exitCode = report.finish(variable("COPILOT_REPORT")) ? 0 : 1;
