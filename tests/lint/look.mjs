// Looks at the rendered contract with a real browser, at the width of a desk and of a phone.
//
//   npm ci --omit=optional
//   node look.mjs --page copilot.html --contract contract.json --chromium /usr/bin/chromium --out DIR
//
// Prints a line for each check, writes screenshots to DIR, and exits with 1 when a check failed.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

import { chromium } from "playwright-core";

import { Report } from "../browser/report.mjs";

// It may run in a container as root; the rest keeps the browser from calling home. No name leads anywhere.
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--host-resolver-rules=MAP * ~NOTFOUND",
];
const WIDTHS = { desk: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

const text = { type: "string" };
const { values } = parseArgs({
  options: { page: text, contract: text, chromium: { ...text, default: "/usr/bin/chromium" }, out: text },
});
for (const name of ["page", "contract", "out"]) {
  if (values[name] === undefined) {
    console.error(`--${name} is missing`);
    process.exit(2);
  }
}

const contract = JSON.parse(readFileSync(values.contract, "utf8"));
const operations = Object.entries(contract.paths).flatMap(([path, item]) =>
  METHODS.filter((method) => item[method]).map((method) => ({ path, method, ...item[method] })),
);
const address = pathToFileURL(values.page).href;
const report = new Report();

const browser = await chromium.launch({ executablePath: values.chromium, args: ARGUMENTS });
try {
  for (const [name, viewport] of Object.entries(WIDTHS)) {
    await report.stage(name, () => look(name, viewport));
  }
} finally {
  await browser.close();
}
process.exit(report.finish());

async function look(name, viewport) {
  const page = await browser.newPage({ viewport, colorScheme: "light" });
  page.setDefaultTimeout(8000);
  const problems = [];
  const requests = [];
  page.on("pageerror", (error) => problems.push(error.stack));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(message.text());
  });
  page.on("request", (request) => {
    const { href, protocol } = new URL(request.url());
    if (href !== address && !["data:", "blob:"].includes(protocol)) requests.push(href);
  });
  const picture = async (of) => {
    // What comes into view is rendered then.
    await page.waitForTimeout(400);
    await page.screenshot({ path: join(values.out, `${of}-${viewport.width}.png`) });
  };

  await page.goto(address);
  await shows(page, `it shows the title "${contract.info.title}"`, contract.info.title);
  for (const grade of ["seed", "documented", "observed", "assumed"]) await shows(page, `it shows the grade ${grade}`, grade);
  await picture("overview");

  for (const operation of operations) {
    await visit(page, operation.summary, name);
    const section = page.locator(`[data-section-id$="/${operation.operationId}"]`);
    const within = (promise, what) => shows(section, `${operation.operationId} ${promise}`, what);
    await within("is shown", operation.summary);
    await within("has its path", operation.path);
    await within("says how sure its rules are", "provenance:");
    const examples = Object.values(operation.requestBody.content["application/json"].examples);
    await within("names its first example", examples[0].summary);
    for (const member of Object.keys(examples[0].value)) await within(`shows the example's ${member}`, `"${member}"`);
    await report.eventually(`${operation.operationId} is where the page has scrolled to`, () =>
      section.evaluate((element) => Math.abs(element.getBoundingClientRect().top) < window.innerHeight / 2),
    );
    await picture(operation.operationId);
    await variants(section, operation, within);
    const answers = section.getByText("Responses", { exact: true }).first();
    await answers.scrollIntoViewIfNeeded();
    // What is rendered above on the way pushes it down again.
    await page.waitForTimeout(400);
    await answers.scrollIntoViewIfNeeded();
    await picture(`${operation.operationId}-answers`);
  }

  if (name === "desk") {
    await page.getByTestId("search-trigger").click();
    await page.keyboard.type("utc_offset");
    await shows(page, "the search finds a property", /request fields/);
    await page.keyboard.press("Escape");
  }
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  report.check("nothing is wider than the window", overflow <= 0, `by ${overflow} pixels`);
  report.check("the browser reported no error", problems.length === 0, problems.join("\n"));
  report.check("the page asked for nothing", requests.length === 0, requests.join("\n"));
  await page.close();
}

/** What an array of a request may hold, where a discriminator chooses: the last variant can be chosen, and its payload seen. */
async function variants(section, operation, within) {
  const body = resolved(operation.requestBody.content["application/json"].schema);
  for (const member of Object.values(body.properties)) {
    const mapping = resolved(member).items && resolved(resolved(member).items).discriminator?.mapping;
    if (!mapping) continue;
    const names = Object.keys(mapping);
    await section.getByRole("button", { name: names[0], exact: true }).click();
    const items = section.page().getByRole("menuitem").filter({ hasText: /\S/ });
    const shown = await items.allInnerTexts();
    report.equal(`${operation.operationId} offers every variant`, shown.map((name) => name.trim()), names);
    await items.last().click();
    const payload = resolved(resolved({ $ref: mapping[names.at(-1)] }).properties.payload);
    for (const property of Object.keys(payload.properties)) {
      await within(`shows ${property} of ${names.at(-1)}`, property);
    }
  }
}

function resolved(schema) {
  const names = schema.$ref?.split("/").slice(1);
  return names ? names.reduce((place, name) => place[name], contract) : schema;
}

/** Follows the link of the navigation, which a phone has behind a button. */
async function visit(page, summary, name) {
  const link = page.getByRole("link", { name: summary }).first();
  if (name === "phone") await page.getByRole("button", { name: "Open navigation menu" }).click();
  await link.click();
}

function shows(place, promise, what) {
  return report.eventually(`${promise}`, () => place.getByText(what).filter({ visible: true }).first().isVisible());
}
