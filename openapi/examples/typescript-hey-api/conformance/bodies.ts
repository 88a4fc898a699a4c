// Events and changes of consent: Zod judges first, then the compiler, and the sandbox what both let through.

import { isDeepStrictEqual } from "node:util";

import { createCopilot, type ConsentChange, type Copilot, type CopilotEvent } from "../src/copilot.js";
import { BodyRefused } from "../src/bodies.js";
import type { Judged, Verdicts } from "./compiler.js";
import type { Report } from "./report.js";
import type { Sandbox } from "./sandbox.js";
import { NotRunnable } from "./settings.js";

const BATCH = 500;
/** What a JavaScript number loses: 5.0 becomes 5, and integers beyond 2^53 are rounded. */
const ROUNDED = new Set(["decimals", "int64"]);

export async function judgeBodies(
  verdicts: Verdicts,
  client: Copilot,
  sandbox: Sandbox,
  report: Report,
): Promise<void> {
  const events: { judged: Judged; event: CopilotEvent }[] = [];
  const consents: { judged: Judged; change: ConsentChange }[] = [];
  for (const judged of verdicts.judged) {
    const { case: one, refusal, value } = judged;
    const line = { part: "event", file: one.file, name: one.name };
    const broken = await validatorRefusal(judged);
    const need = JSON.stringify(value) === one.body ? undefined : one.needs.find((need) => ROUNDED.has(need));
    if (one.valid && need !== undefined) {
      report.add({ ...line, skipped: need }, "bodies skipped: a JavaScript number cannot hold them");
    } else if (broken !== undefined) {
      report.add({ ...line, valid: false, by: "validator", detail: broken }, "bodies refused by validator");
      report.expect(!one.valid, line, broken);
    } else if (refusal !== undefined) {
      report.add({ ...line, valid: false, by: "types", detail: refusal }, "bodies refused by types alone");
      report.expect(!one.valid, line, refusal);
    } else if (JSON.stringify(value) !== one.body) {
      report.add({ ...line, skipped: need }, "bodies skipped: a JavaScript number cannot hold them");
      report.expect(need !== undefined, line, `would be sent as ${JSON.stringify(value)}`);
    } else if (isEvent(judged, value)) {
      events.push({ judged, event: value });
    } else {
      consents.push({ judged, change: value });
    }
  }

  const answered = ({ case: one }: Judged, taken: boolean): void => {
    const line = { part: "event", file: one.file, name: one.name, valid: taken };
    report.add(taken ? line : { ...line, by: "server" }, taken ? "bodies taken" : "bodies refused by server");
    report.expect(taken === one.valid, line, `${taken ? "taken" : "refused"} by the sandbox`);
  };
  for (let from = 0; from < events.length; from += BATCH) {
    const batch = events.slice(from, from + BATCH);
    const answer = await client.collect(batch.map(({ event }) => event));
    if (answer.outcome !== "taken" && answer.outcome !== "events_refused") {
      throw new NotRunnable(`a batch was refused: ${String(answer.status)} ${String(answer.reason)}`);
    }
    const refused = new Set(answer.outcome === "taken" ? [] : answer.invalid_events.map(({ index }) => index));
    batch.forEach(({ judged }, index) => {
      answered(judged, !refused.has(index));
    });
    await sandbox.reset();
  }
  for (const { judged, change } of consents) {
    const answer = await client.setConsent(change);
    if (answer.outcome !== "recorded" && answer.status !== 400) {
      throw new NotRunnable(`a consent was refused: ${String(answer.status)} ${String(answer.reason)}`);
    }
    answered(judged, answer.outcome === "recorded");
  }
}

/** A client whose requests go nowhere: what is left is the judgement of the SDK before it sends. */
const UNSENT = createCopilot({
  clientId: "nobody",
  clientSecret: "nothing",
  collectEndpoint: "http://127.0.0.1:1/v2/collect",
  consentEndpoint: "http://127.0.0.1:1/consent",
  send: () => Promise.resolve(Response.json({})),
});

/** Why the SDK does not send the body. */
async function validatorRefusal({ case: one, value }: Judged): Promise<string | undefined> {
  try {
    // What does not compile can still come in at run time, as JSON of others.
    await (one.schema === "Event" ? UNSENT.collect([value as CopilotEvent]) : UNSENT.setConsent(value as ConsentChange));
    return undefined;
  } catch (error) {
    if (error instanceof BodyRefused) {
      return error.message;
    }
    throw error;
  }
}

/** Sends the contract's own example of each type, and reads it back. */
export async function roundTrip(verdicts: Verdicts, client: Copilot, sandbox: Sandbox, report: Report): Promise<void> {
  const events = verdicts.judged.flatMap((judged) => {
    const { case: one, value } = judged;
    return one.name === "as in the contract" && isEvent(judged, value) ? [value] : [];
  });
  for (const event of events) {
    // A deleted user is forgotten with all their events, so each event has the sandbox to itself.
    await sandbox.reset();
    const answer = await client.collect([event]);
    const sent = answer.outcome === "taken";
    // What came back equals what the compiler took, so it is of the same type.
    const same = isDeepStrictEqual(await sandbox.events(), [event]);
    const line = { part: "round_trip", type: event.type, sent, read_as: same ? verdicts.readAs(event) : null };
    report.add(line, "events sent and read back");
    report.expect(sent && same, line, "did not come back as it was sent");
  }
}

function isEvent({ case: one }: Judged, value: CopilotEvent | ConsentChange): value is CopilotEvent {
  return one.schema === "Event" && "type" in value;
}
