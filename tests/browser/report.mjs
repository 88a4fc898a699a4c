// Keeps count of what was promised and what held, a line for each check.

import { setTimeout as sleep } from "node:timers/promises";

const PATIENCE = 6000;
const STEP = 40;

export class Report {
  constructor() {
    this.failures = 0;
    this.checks = 0;
    this.stageName = "";
  }

  async stage(name, run) {
    this.stageName = name;
    const started = Date.now();
    try {
      await run();
    } catch (error) {
      this.check("it ran to its end", false, error.stack);
    }
    console.log(`   ${name}: ${((Date.now() - started) / 1000).toFixed(1)} s`);
  }

  check(promise, holds, detail = "") {
    this.checks += 1;
    if (!holds) this.failures += 1;
    console.log(`${holds ? "ok    " : "FAILED"} ${this.stageName}: ${promise}`);
    if (!holds && detail) console.log(detail.toString().replace(/^/gm, "         "));
    return holds;
  }

  equal(promise, found, expected) {
    const [one, other] = [found, expected].map((value) => JSON.stringify(value));
    return this.check(promise, one === other, `found ${one}, expected ${other}`);
  }

  /** Holds as soon as `look` gives something true, which may take a while. Answers what it gave. */
  async eventually(promise, look, patience = PATIENCE) {
    const end = Date.now() + patience;
    let last;
    for (;;) {
      try {
        last = await look();
        if (last) break;
      } catch (error) {
        last = undefined;
        if (Date.now() > end) {
          this.check(promise, false, error.message);
          return undefined;
        }
      }
      if (Date.now() > end) break;
      await sleep(STEP);
    }
    this.check(promise, Boolean(last), `not within ${patience} ms`);
    return last;
  }

  finish() {
    const kept = this.checks - this.failures;
    console.log(this.failures === 0 ? `all ${kept} checks are ok` : `${this.failures} of ${this.checks} checks FAILED`);
    return this.failures === 0 ? 0 : 1;
  }
}
