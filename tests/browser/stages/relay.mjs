// The page of the relay: what it shows while all is well, while nothing is delivered, and when the relay has ended.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { Tab } from "../browser.mjs";
import { look } from "./states.mjs";

export async function relay({ report, sandbox, browser, program }) {
  const folder = mkdtempSync(join(tmpdir(), "relay-browser-"));
  const started = await start(program, folder, sandbox);
  const tab = new Tab(await browser.context.newPage(), { sandbox: { url: started.url }, out: browser.out });
  try {
    await visit({ report, sandbox, tab, started });
  } finally {
    started.process.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
    report.check("the relay's page had no error", tab.problems.length === 0, tab.problems.join("\n"));
    report.check("it asked no other host", tab.strangers.length === 0, tab.strangers.join("\n"));
    await tab.close();
  }
}

async function visit({ report, sandbox, tab, started }) {
  const { page } = tab;
  const health = page.getByRole("status");
  const shown = (id) => page.locator(`#${id}`).textContent();
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.goto(started.url);
  await health.filter({ hasText: "Items are delivered" }).waitFor();
  await look(report, tab, "relay-ready");

  const personal = "zoe@example.com";
  await fault(sandbox, {
    kind: "answer",
    status: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ invalid_events: [{ index: 0, error: `${personal} is <b>unknown</b>` }] }),
  });
  await started.collect([sandbox.example("user_created", { payload: { email: personal } })]);
  await page.getByText("is <b>unknown</b>").waitFor();
  report.equal("a rejection is told in the server's words, without what they repeat", await page.locator("#rejections .words").allTextContents(), ["… is <b>unknown</b>"]);
  report.check("nothing personal is shown", !(await page.locator("body").textContent()).includes(personal));

  await sandbox.control("POST", "/faults", { fault: { kind: "status", status: 401 } });
  await started.collect([sandbox.example("thing_connected"), sandbox.example("thing_connected")]);
  await health.filter({ hasText: "401: the credentials are refused" }).waitFor();
  report.equal("it says how many wait", await shown("pending"), "2");
  report.equal("and how many lanes", await shown("lanes"), "1 of 32");
  await look(report, tab, "relay-stuck");

  tab.expected = /ERR_CONNECTION_REFUSED/;
  started.process.kill("SIGKILL");
  await health.filter({ hasText: "does not say how it is" }).waitFor();
  await look(report, tab, "relay-gone");
}

function fault(sandbox, fault) {
  return sandbox.control("POST", "/faults", { next: 1, fault });
}

/** A relay on a new outbox, which sends to the sandbox. */
async function start(program, folder, sandbox) {
  const process_ = spawn(program, ["relay", "--outbox", `sqlite:${join(folder, "outbox")}`, "--listen", "127.0.0.1:0"], {
    cwd: folder,
    env: {
      HOME: folder,
      COPILOT_CLIENT_ID: sandbox.clientId,
      COPILOT_CLIENT_SECRET: sandbox.clientSecret,
      COPILOT_ENDPOINT: sandbox.url,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: process_.stdout })) {
    const url = line.replace("listening on ", "");
    const collect = async (events) => {
      const pair = Buffer.from(`${sandbox.clientId}:${sandbox.clientSecret}`).toString("base64");
      const headers = { Authorization: `Basic ${pair}`, "Content-Type": "application/json" };
      const answer = await fetch(`${url}/v2/collect`, { method: "POST", headers, body: JSON.stringify({ events }) });
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    };
    return { process: process_, url, collect };
  }
  throw new Error("the relay ended before it listened");
}
