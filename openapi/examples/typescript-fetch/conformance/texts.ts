// JSON texts, read by JSON.parse as a program would at run time, where the compiler has no say.

import { BodyRefused } from "../src/bodies.js";
import type { ConsentChange, Copilot, CopilotEvent } from "../src/copilot.js";
import type { Report } from "./report.js";
import { NotRunnable } from "./settings.js";
import type { TextCase } from "./vectors.js";

/** What JSON.parse hides: the first of two members of one name, and the digits of integers beyond 2^53. */
const HIDDEN = ["names", "int64"];

/** Each goes alone: what is no JSON to the sandbox sinks all that is sent with it. */
export async function judgeTexts(cases: TextCase[], copilot: Copilot, report: Report): Promise<void> {
  for (const one of cases) {
    const line = { part: "event", file: "texts.json", name: one.name };
    const hidden = HIDDEN.find((need) => one.needs?.includes(need));
    if (hidden !== undefined) {
      report.add({ ...line, skipped: hidden }, "texts skipped: JSON.parse hides what is in them");
      continue;
    }
    const by = await refusedBy(one, copilot);
    report.add(by === undefined ? { ...line, valid: true } : { ...line, valid: false, by }, "texts judged");
    report.expect(one.valid === (by === undefined), line, by ?? "taken");
  }
}

/** Who refuses the text, if anybody. */
async function refusedBy({ operation, text }: TextCase, copilot: Copilot): Promise<string | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "reader";
  }
  try {
    const answer =
      operation === "collect"
        ? await copilot.collect([value as CopilotEvent])
        : await copilot.setConsent(value as ConsentChange);
    if (answer.outcome === "taken" || answer.outcome === "recorded") {
      return undefined;
    }
    if (answer.outcome !== "events_refused" && answer.status !== 400) {
      throw new NotRunnable(`a text was answered with ${String(answer.status)}`);
    }
    return "server";
  } catch (error) {
    if (error instanceof BodyRefused) {
      return "validator";
    }
    throw error;
  }
}
