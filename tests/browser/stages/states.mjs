// Visits each state of the page, wide and narrow, light and dark: takes its picture, runs axe-core, and holds that
// the page never scrolls sideways.

import axe from "axe-core";

import { NARROW, WIDE } from "../browser.mjs";
import { open } from "./sending.mjs";

// All rules that are a part of WCAG 2.2 A and AA or good practice; the colour scheme changes what some of them see.
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"];
const RULES_OF_COLOUR = { type: "rule", values: ["color-contrast", "link-in-text-block"] };
const SIZES = { wide: WIDE, narrow: NARROW };

export async function states({ report, sandbox, tab }) {
  const { page } = tab;
  const { user_id: user, thing_id: thing } = sandbox.status.examples.thing_connected.payload;
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await look(report, tab, "empty");
  await sandbox.story();
  await sandbox.control("POST", "/faults", {
    operation: "set_consent",
    next: 5,
    fault: { kind: "status", status: 503 },
  });
  const visits = {
    events: ["/#events", null],
    opened: ["/#events?verdict=rejected", openFirst],
    "follow-user": [`/#events?type=thing_connected&follow_user=${encodeURIComponent(user)}`, null],
    "follow-thing": [`/#users?follow_thing=${encodeURIComponent(thing)}`, null],
    users: ["/#users", null],
    things: ["/#things", null],
    consents: ["/#consents", null],
    send: ["/#send?type=thing_connected", sendWrong],
    faults: ["/#faults", chooseTypes],
    reset: ["/#faults", () => page.getByRole("button", { name: "Reset …" }).click()],
    connect: ["/#things", () => page.getByRole("button", { name: "Connect …" }).click()],
  };
  for (const [name, [path, act]] of Object.entries(visits)) {
    await page.setViewportSize(WIDE);
    await tab.visit(path);
    await settled(page);
    if (act) await act(tab, sandbox);
    await look(report, tab, name);
  }
}

export async function look(report, tab, name) {
  const { page } = tab;
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport);
    const { scroll, width } = await page.evaluate(() => ({
      scroll: document.documentElement.scrollWidth,
      width: innerWidth,
    }));
    report.check(`${name} does not scroll sideways, ${size}`, scroll <= width, `${scroll} px in ${width} px`);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await audit(report, page, `${name}, ${size}, ${colorScheme}`, colorScheme === "light" ? RULES : RULES_OF_COLOUR);
      // On a narrow screen, what one came for is below.
      await page.evaluate(() =>
        document.querySelector(innerWidth < 600 ? ".event.open, #follow:not([hidden])" : "body")?.scrollIntoView(),
      );
      if (colorScheme === "light") await tab.picture(`${size}-${name}`);
      else if (size === "wide") await tab.picture(`dark-${name}`);
    }
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
}

async function audit(report, page, what, runOnly) {
  // By the debugger: the page's own policy lets no script in.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  const violations = await page.evaluate(async (rules) => {
    const options = { runOnly: rules, resultTypes: ["violations"], elementRef: false };
    return (await window.axe.run(document, options)).violations;
  }, runOnly);
  const detail = violations.flatMap(({ id, help, nodes }) => [
    `${id}: ${help}`,
    ...nodes
      .slice(0, 4)
      .map(({ target, failureSummary }) => `  ${target.join(" ")}: ${failureSummary.replace(/\s+/g, " ")}`),
  ]);
  report.check(`axe finds nothing in ${what}`, violations.length === 0, detail.join("\n"));
}

/** Until nothing is asked of the sandbox any more. */
async function settled(page) {
  await page.waitForLoadState("load");
  await page.waitForTimeout(150);
  await page.waitForFunction(() => document.querySelector("[aria-busy], #starting") === null);
}

async function openFirst(tab) {
  await open(tab.rows().nth(0));
  await open(tab.rows().nth(1));
}

async function sendWrong(tab, sandbox) {
  const { page } = tab;
  if (!sandbox.status.credentials) {
    await page.getByLabel("Client id").fill(sandbox.clientId);
    await page.getByLabel("Client secret").fill(sandbox.clientSecret);
  }
  await page.getByLabel("Make it wrong").selectOption("seconds");
  await page.getByRole("button", { name: "Send event" }).click();
  await page.locator(".outcome").waitFor();
}

async function chooseTypes(tab) {
  await tab.page.getByLabel("What happens").selectOption("reject_events");
}
