// What the client promises and no vector holds, against a server of its own on this machine.

import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { UnreadableAnswer } from "../src/answers.js";
import { createCopilot, type Copilot, type CopilotEvent, type Settings } from "../src/copilot.js";
import { CredentialsRefused } from "../src/credentials.js";
import { EndpointRefused } from "../src/endpoints.js";
import { NoAnswer } from "../src/sending.js";
import { BodyRefused } from "../src/bodies.js";
import type { Report } from "./report.js";

const TIMEOUT_MS = 400;
/** When a request that should have been given up counts as hanging. */
const HANGING_MS = 5_000;
const LONE_SURROGATE = "\ud800";
const COLLECT = "http://127.0.0.1:1/v2/collect";
const CONSENT = "http://127.0.0.1:1/consent";

type Call = (copilot: Copilot) => Promise<{ outcome: string }>;

export async function judgePromises(event: CopilotEvent, report: Report): Promise<void> {
  const expect = (holds: boolean, name: string, what: string): void => {
    report.expect(holds, { part: "promise", name }, what);
  };
  const consent = { user_id: "7d1f0c8e-55b2-4b8c-9a53-0f6f2f1f7a10", consent_value: true };
  const calls: [string, Call][] = [
    ["collect", (copilot) => copilot.collect([event])],
    ["set_consent", (copilot) => copilot.setConsent(consent)],
  ];

  for (const [name, call] of calls) {
    for (const [how, answer] of Object.entries(NEVER_WHOLE)) {
      const became = await answered(answer, call);
      const kind = how === "no answer" ? NoAnswer : UnreadableAnswer;
      expect(became instanceof kind, `${name}: given up in time, ${how}`, words(became));
    }
    const redirected = await answered(status(307, "", { location: COLLECT }), call);
    expect(outcome(redirected) === "request_refused", `${name}: a redirect is not followed`, words(redirected));
    for (const code of name === "collect" ? [201, 202, 204, 206] : [201, 202, 206]) {
      const became = await answered(status(code, ""), call);
      const unlisted = `${name}: ${String(code)} is no success of the contract`;
      expect(became instanceof UnreadableAnswer, unlisted, words(became));
    }
  }

  const quoting = await answered(status(200, "<html>Zoe"), (copilot) => copilot.collect([event]));
  const silent = quoting instanceof UnreadableAnswer && quoting.cause === undefined && !words(quoting).includes("Zoe");
  expect(silent, "the error of an unreadable answer does not quote it", words(quoting));
  const partly = await answered(status(200, '{"invalid_events":[{"index":0}]}'), (copilot) => copilot.collect([event]));
  expect(outcome(partly) === "events_refused", "refused events are no success", words(partly));

  const unsent = await attempt(() =>
    client({}).collect([{ ...event, type: "unsubscribe", payload: { email: `zoe@example.com${LONE_SURROGATE}` } }]),
  );
  const pointer = unsent instanceof BodyRefused ? unsent.pointer : undefined;
  expect(pointer === "/events/0/payload/email", "text that is no Unicode is refused at its place", words(unsent));
  judgeSettings(expect);
}

function judgeSettings(expect: (holds: boolean, name: string, what: string) => void): void {
  const secret = refusedBy(() => client({ clientSecret: `hush${LONE_SURROGATE}` }));
  const rule = secret instanceof CredentialsRefused ? secret.rule : undefined;
  expect(rule === "unicode" && !words(secret).includes("hush"), "a secret that is no Unicode", words(secret));

  const addresses: [string, string | undefined][] = [
    ["https://api.example.com/v2/collect", undefined],
    ["http://localhost:7300/v2/collect", undefined],
    ["http://[::1]:7300/v2/collect", undefined],
    ["api.example.com/v2/collect", "absolute"],
    ["ftp://api.example.com/v2/collect", "absolute"],
    ["http://127.0.0.1.example.com/v2/collect", "https"],
    ["https://me:hush@api.example.com/v2/collect", "user-info"],
  ];
  for (const [address, expected] of addresses) {
    for (const name of ["collectEndpoint", "consentEndpoint"]) {
      const refused = refusedBy(() => client({ [name]: address }));
      const rule = refused instanceof EndpointRefused ? refused.rule : undefined;
      const holds = rule === expected && !words(refused).includes("hush");
      expect(holds, `${name}: ${address}`, words(refused));
    }
  }
}

/** A 200 of which something is missing for ever, its head or the rest of its body. */
const NEVER_WHOLE: Record<string, RequestListener> = {
  "no answer": () => undefined,
  "half an answer": (_, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
    response.write('{"invalid_events":');
  },
};

function status(code: number, body: string, headers: Record<string, string> = {}): RequestListener {
  return (_, response) => response.writeHead(code, headers).end(body);
}

/** What a call comes to with a server that answers so, while the garbage collector is at work: the answer or error. */
async function answered(answer: RequestListener, call: Call): Promise<unknown> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
  const collecting = setInterval(collectGarbage, TIMEOUT_MS / 8);
  let hanging: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      attempt(() => call(client({ collectEndpoint: url, consentEndpoint: url }))),
      new Promise((resolve) => {
        hanging = setTimeout(resolve, HANGING_MS, "hangs");
      }),
    ]);
  } finally {
    clearInterval(collecting);
    clearTimeout(hanging);
    server.close();
    server.closeAllConnections();
  }
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

function client(settings: Partial<Settings>): Copilot {
  return createCopilot({
    clientId: "me",
    clientSecret: "secret",
    collectEndpoint: COLLECT,
    consentEndpoint: CONSENT,
    timeoutMs: TIMEOUT_MS,
    ...settings,
  });
}

async function attempt(work: () => Promise<unknown>): Promise<unknown> {
  return work().catch((error: unknown) => error);
}

function refusedBy(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}

function outcome(answer: unknown): unknown {
  return typeof answer === "object" && answer !== null && "outcome" in answer ? answer.outcome : undefined;
}

function words(found: unknown): string {
  return found instanceof Error ? `${found.name}: ${found.message}` : JSON.stringify(found ?? "nothing");
}
