// Drives the page of a running sandbox with a real browser: what a person does there, and what must never happen.
//
//   npm ci --omit=optional
//   node drive.mjs --url URL --client-id ID --client-secret SECRET --chromium /usr/bin/chromium --out DIR --relay PROGRAM
//
// With the program `copilot-cx`, the page of its relay as well, which sends to the sandbox.
//
// Prints a line for each check, writes screenshots to DIR, and exits with 1 when a check failed. It forgets what the
// sandbox remembers: do not run it on one that you need.

import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";

import { Browser } from "./browser.mjs";
import { Report } from "./report.mjs";
import { Sandbox } from "./sandbox.mjs";
import { burst } from "./stages/burst.mjs";
import { documentation } from "./stages/documentation.mjs";
import { faults } from "./stages/faults.mjs";
import { finding } from "./stages/finding.mjs";
import { hostile } from "./stages/hostile.mjs";
import { keyboard } from "./stages/keyboard.mjs";
import { relay } from "./stages/relay.mjs";
import { sending } from "./stages/sending.mjs";
import { states } from "./stages/states.mjs";
import { stream } from "./stages/stream.mjs";

const STAGES = [sending, finding, faults, stream, keyboard, states, hostile, burst, documentation];

const text = { type: "string" };
const { values } = parseArgs({
  options: {
    url: text,
    "client-id": text,
    "client-secret": text,
    chromium: { ...text, default: "/usr/bin/chromium" },
    out: { ...text, default: "screenshots" },
    relay: text,
    // Names of stages, separated by commas.
    only: text,
  },
});
for (const name of ["url", "client-id", "client-secret"]) {
  if (values[name] === undefined) {
    console.error(`--${name} is missing`);
    process.exit(2);
  }
}

mkdirSync(values.out, { recursive: true });
const report = new Report();
const sandbox = new Sandbox(values.url, values["client-id"], values["client-secret"]);
await sandbox.begin();
const browser = await Browser.launch(values.chromium, sandbox, values.out);
try {
  const wanted = values.only?.split(",");
  const stages = values.relay === undefined ? STAGES : [...STAGES, relay];
  for (const stage of stages.filter(({ name }) => !wanted || wanted.includes(name))) {
    await sandbox.reset();
    await report.stage(stage.name, async () => {
      const tab = await browser.open();
      try {
        await stage({ report, sandbox, browser, tab, program: values.relay });
      } catch (error) {
        await tab.page.screenshot({ path: `${values.out}/failed-${stage.name}.png` }).catch(() => {});
        throw error;
      } finally {
        report.check("the browser reported no error", tab.problems.length === 0, tab.problems.join("\n"));
        report.check("no request went to another host", tab.strangers.length === 0, tab.strangers.join("\n"));
        await tab.close();
      }
    });
  }
} finally {
  await browser.close();
}
process.exit(report.finish());
