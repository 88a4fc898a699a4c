// Starts Chromium and opens pages that are watched: errors, dialogs and requests to other hosts are kept.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

// The sandbox may run in a container as root; the rest keeps the browser from calling home.
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const WIDE = { width: 1280, height: 900 };
export const NARROW = { width: 360, height: 740 };

export class Browser {
  static async launch(executablePath, sandbox, out) {
    const profile = mkdtempSync(join(tmpdir(), "sandbox-browser-"));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath,
      args: ARGUMENTS,
      headless: true,
      viewport: WIDE,
    });
    context.setDefaultTimeout(8000);
    return Object.assign(new Browser(), { context, profile, sandbox, out });
  }

  async open(path = "/") {
    const page = await this.context.newPage();
    const tab = new Tab(page, this);
    await page.addInitScript(() => {
      window.__longest = 0;
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) window.__longest = Math.max(window.__longest, duration);
      }).observe({ type: "longtask", buffered: true });
    });
    await tab.visit(path);
    return tab;
  }

  async close() {
    await this.context.close();
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

export class Tab {
  constructor(page, browser) {
    this.page = page;
    this.browser = browser;
    this.problems = [];
    this.strangers = [];
    /** Errors that a stage brings about on purpose. */
    this.expected = null;
    page.on("pageerror", (error) => this.problems.push(error.stack));
    page.on("dialog", (dialog) => {
      this.problems.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on("console", (message) => {
      if (!["error", "warning"].includes(message.type()) || this.expected?.test(message.text())) return;
      this.problems.push(`${message.text()} (${message.location().url})`);
    });
    page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      if (origin !== browser.sandbox.url && protocol !== "data:") this.strangers.push(request.url());
    });
  }

  /** Opens a fragment or a path, as if it was typed. */
  async visit(path) {
    await this.page.goto("about:blank");
    await this.page.goto(this.browser.sandbox.url + path);
    if (!path.startsWith("/docs")) await this.page.locator('#live[data-state="live"]').waitFor();
  }

  /** Goes to another fragment without loading the page anew. */
  async turn(fragment) {
    await this.page.evaluate((hash) => (location.hash = hash), fragment);
  }

  tabLink(name) {
    return this.page.getByRole("navigation", { name: "Sections" }).getByRole("link", { name, exact: true });
  }

  /** The rows of the list of events. */
  rows() {
    return this.page.getByRole("list", { name: "Events, newest first" }).locator(".event");
  }

  row(text) {
    return this.rows().filter({ hasText: text });
  }

  async picture(name) {
    await this.page.screenshot({ path: join(this.browser.out, `${name}.png`), animations: "disabled" });
  }

  close() {
    return this.page.close();
  }
}
