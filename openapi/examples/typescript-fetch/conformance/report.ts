// The report: one JSON object on each line. It also counts what differs from the vectors.

import { writeFileSync } from "node:fs";

export class Report {
  readonly #lines: string[] = [];
  readonly #counts = new Map<string, number>();
  readonly #differences: string[] = [];

  /** Adds a line; `count` is the heading that it is counted under. */
  add(line: Record<string, unknown>, count: string): void {
    this.#lines.push(JSON.stringify(line));
    this.#counts.set(count, (this.#counts.get(count) ?? 0) + 1);
  }

  /** Notes that something is not as the vectors have it. */
  expect(holds: boolean, what: string): void {
    if (!holds) {
      this.#differences.push(what);
    }
  }

  /** Writes the report, prints a summary, and says whether all was as the vectors have it. */
  finish(path: string): boolean {
    writeFileSync(path, this.#lines.map((line) => `${line}\n`).join(""));
    for (const [what, count] of [...this.#counts].sort()) {
      console.log(`${String(count).padStart(5)} ${what}`);
    }
    for (const difference of this.#differences.slice(0, 50)) {
      console.log(`differs: ${difference}`);
    }
    console.log(`${String(this.#differences.length)} differences`);
    return this.#differences.length === 0;
  }
}
