// The hand-written helpers: credentials and points in time.

import { createCopilot, type CopilotEvent } from "../src/copilot.js";
import { CredentialsRefused } from "../src/credentials.js";
import { fromUtc, isEventTime, TIME_WINDOW, toUtc } from "../src/timestamps.js";
import * as contract from "./contract.js";
import type { Report } from "./report.js";
import type { AuthCase, Vectors } from "./vectors.js";

/** The header as the client sends it, caught on its way out. */
async function headerOf({ client_id, client_secret }: AuthCase, event: CopilotEvent): Promise<string | null> {
  let header: string | null = null;
  const client = createCopilot({
    clientId: client_id,
    clientSecret: client_secret,
    collectEndpoint: "http://127.0.0.1:1/v2/collect",
    consentEndpoint: "http://127.0.0.1:1/consent",
    send: (_, { headers }) => {
      header = headers.get("authorization");
      return Promise.resolve(Response.json({}));
    },
  });
  await client.collect([event]);
  return header;
}

export async function judgeCredentials(cases: AuthCase[], event: CopilotEvent, report: Report): Promise<void> {
  for (const one of cases) {
    const line = { part: "auth", name: one.name };
    try {
      const header = await headerOf(one, event);
      report.add({ ...line, header }, "credentials sent");
      report.expect(header === one.header, line, `sent ${String(header)}`);
    } catch (error) {
      if (!(error instanceof CredentialsRefused)) {
        throw error;
      }
      report.add({ ...line, refused: true }, "credentials refused");
      report.expect(!one.valid && error.rule === one.rule, line, `refused by ${error.rule}`);
    }
  }
}

export function judgeTimestamps({ now, utc, epoch }: ReturnType<Vectors["timestamps"]>, report: Report): void {
  const { past, future } = contract.TIME_WINDOW;
  const sameWindow = past === TIME_WINDOW.past && future === TIME_WINDOW.future;
  report.expect(sameWindow, { part: "time", name: "x-time-window" }, "the time window is not the contract's");
  for (const { name, text, epoch_ms } of utc) {
    const read = attempt(() => fromUtc(text));
    const line = { part: "time", name, ...(read === undefined ? { refused: true } : { epoch_ms: read }) };
    report.add(line, "times");
    report.expect(read === epoch_ms, line, `read as ${String(read)}`);
  }
  for (const { name, value, text, needs } of epoch) {
    const read: unknown = JSON.parse(value);
    if (JSON.stringify(read) !== value) {
      const line = { part: "time", name, skipped: needs[0] };
      report.add(line, "times skipped: a JavaScript number cannot hold them");
      report.expect(needs.length > 0, line, `would be sent as ${JSON.stringify(read)}`);
      continue;
    }
    const written = isEventTime(read, now) ? toUtc(read) : undefined;
    const line = { part: "time", name, ...(written === undefined ? { refused: true } : { text: written }) };
    report.add(line, "times");
    report.expect(written === text, line, `written as ${String(written)}`);
  }
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) {
      return undefined;
    }
    throw error;
  }
}
