// Sends what an attacker would, and holds that it stays text: no element, no script, no dialog comes of it.

import { open } from "./sending.mjs";

const MARKUP = [
  '<img src=x onerror="window.__pwned=1">',
  '"><script>window.__pwned=1</script>',
  "'-window.__pwned=1-'",
  "javascript:window.__pwned=1",
  "<svg/onload=window.__pwned=1>",
  "</code></li></ol><iframe srcdoc='<script>parent.__pwned=1</script>'>",
  "{{constructor.constructor('window.__pwned=1')()}}",
];
const HIDDEN = [
  "invoice\u202Efdp.exe",
  "line\u2028para\u2029graph",
  "zero\u200Bwidth\u2066isolate",
  "nul\u0000bell\u0007",
];
const LENGTH = 1_000_000;
// What must not stand in the page as it is: it would hide or reorder what stands around it.
const RAW = /[\u0000-\u0008\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/;

export async function hostile({ report, sandbox, tab }) {
  const { page } = tab;
  const before = await page.evaluate(census);
  const example = sandbox.example.bind(sandbox);

  for (const text of [...MARKUP, ...HIDDEN]) {
    await sandbox.collect([
      example("thing_connected", { event_id: text }),
      example("thing_connected", { type: text }),
      example("thing_connected", { payload: { user_id: text, thing_id: text } }),
      example("thing_connected", { payload: { [text]: text } }),
      { ...example("thing_connected"), [text]: { [text]: [text] } },
      example("custom_event", { payload: { [text]: text } }),
      JSON.stringify(text),
    ]);
  }
  const user = "hostile-user";
  const names = Object.fromEntries(MARKUP.map((text, index) => [`${text} ${index}`, text]));
  await sandbox.collect([
    example("user_created", {
      payload: { user_id: user, first_name: MARKUP[0], last_name: HIDDEN[0], custom_properties: names },
    }),
    example("thing_status_changed", { payload: { thing_id: "hostile-thing" } }),
  ]);
  await sandbox.control("POST", "/faults", { fault: { kind: "reject_events", event_ids: [MARKUP[1]], error: MARKUP[0] } });
  const sent = (MARKUP.length + HIDDEN.length) * 7 + 2;
  await report.eventually(
    "all of it arrives",
    async () =>
      (await tab.page.locator(".counters .accepted dd, .counters .rejected dd").allTextContents()).reduce(
        (sum, one) => sum + Number(one),
        0,
      ) === sent,
  );

  for (const text of MARKUP) {
    await report.eventually(`it is shown as it is: ${text}`, async () => {
      await tab.turn(`#events?event_id=${encodeURIComponent(text)}`);
      await tab.rows().first().waitFor();
      return (await tab.rows().locator(".event_id .value").first().textContent({ timeout: 500 })) === text;
    });
  }
  await tab.visit("/#events");
  await tab.rows().nth(20).waitFor();
  const rows = await tab.rows().count();
  for (let index = 0; index < Math.min(rows, 40); index += 1) await tab.rows().nth(index).locator(".disclose").click();
  await report.eventually("rows of it open", async () => (await page.locator(".lines").count()) >= Math.min(rows, 40));
  await innocent("in the list and in opened rows");

  await tab.visit(`/#users?search=&follow_user=${user}`);
  await page.getByText("custom_properties").first().waitFor();
  await innocent("in a profile");
  await tab.visit("/#faults");
  await page.getByText("Rejects events").waitFor();
  await innocent("in a fault's reason");
  tab.expected = /Failed to load resource.*404/;
  for (const text of [MARKUP[0], MARKUP[3], HIDDEN[0]]) {
    await tab.visit(
      `/#events?follow_thing=${encodeURIComponent(text)}&user_id=${encodeURIComponent(text)}&type=${encodeURIComponent(text)}`,
    );
    await page.locator("#follow").getByText("Show in the list of events").waitFor();
    await innocent(`in the URL: ${JSON.stringify(text)}`);
  }
  await long(report, sandbox, tab);

  /** Nothing came of it. */
  async function innocent(where) {
    const found = await page.evaluate(census);
    report.check(`no script ran ${where}`, found.pwned === "undefined");
    report.equal(`no element came of it ${where}`, found.active, before.active);
    report.check(
      `links stay inside ${where}`,
      found.links.every((href) => /^[#/]/.test(href)),
      found.links.join("\n"),
    );
    report.check(
      `nothing is hidden or reordered ${where}`,
      !RAW.test(found.text) && !RAW.test(found.attributes),
      JSON.stringify(found.text.match(RAW)),
    );
  }
}

/** Texts of a million characters, and an object of many members. */
async function long(report, sandbox, tab) {
  const { page } = tab;
  const wide = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`p${index}`, null]));
  await sandbox.collect([sandbox.example("thing_connected", { event_id: "y".repeat(LENGTH) })]);
  await sandbox.collect([
    sandbox.example("custom_event", { event_id: "long", payload: { text: "x".repeat(LENGTH / 2), ...wide } }),
  ]);
  await tab.visit("/#events");
  await tab.row("long").first().waitFor();
  await page.evaluate(() => (window.__longest = 0));
  await open(tab.row("long").first());
  report.check("a huge object is shown step by step", (await tab.row("long").locator(".line").count()) < 3000);
  await tab
    .row("long")
    .getByRole("button", { name: /show all/ })
    .click();
  await report.eventually("all of a long text can be shown", async () =>
    (await tab.row("long").locator(".lines").textContent()).includes("x".repeat(LENGTH / 2)),
  );
  const longest = await page.evaluate(() => window.__longest);
  report.check("the page is never stuck", longest < 3000, `${Math.round(longest)} ms`);
}

/** Runs in the page. */
function census() {
  const attributes = [...document.querySelectorAll("*")].flatMap((element) =>
    [...element.attributes].map(({ value }) => value),
  );
  const active = {};
  for (const name of [
    "img",
    "script",
    "iframe",
    "object",
    "embed",
    "link",
    "base",
    "form:not([aria-labelledby], [aria-label])",
    "[onerror]",
    "[onload]",
    "[srcdoc]",
  ]) {
    active[name] = document.querySelectorAll(name).length;
  }
  return {
    pwned: typeof window.__pwned,
    active,
    links: [...document.querySelectorAll("a")].map((link) => link.getAttribute("href")),
    text: document.body.textContent,
    attributes: attributes.join(" "),
  };
}
