// The report: one JSON object on each line. It also counts what differs from the vectors.

import { writeFileSync } from "node:fs";

/** What a line of the report is about. */
export interface Line {
  part: string;
  /** The file of the vectors, where a part has several. */
  file?: string;
  /** The case. */
  name?: string;
  [member: string]: unknown;
}

const SHOWN = 20;

export class Report {
  readonly #lines: Line[] = [];
  readonly #counts = new Map<string, number>();
  readonly #differences = new Map<string, string[]>();

  /** Adds a line; `count` is the heading that it is counted under. */
  add(line: Line, count: string): void {
    this.#lines.push(line);
    this.#counts.set(count, (this.#counts.get(count) ?? 0) + 1);
  }

  /** Notes where something is not as the vectors have it. */
  expect(holds: boolean, { part, file, name, type }: Line, what: string): void {
    if (!holds) {
      const where = [part, file, name ?? type].filter((word) => typeof word === "string").join(" ");
      this.#differences.set(where, [...(this.#differences.get(where) ?? []), what]);
    }
  }

  /** Writes the report if asked to, prints a summary, and says whether all was as the vectors have it. */
  finish(path: string | undefined): boolean {
    if (path !== undefined) {
      writeFileSync(path, this.#lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    }
    for (const [what, count] of [...this.#counts].sort()) {
      console.log(`${String(count).padStart(5)} ${what}`);
    }
    for (const [where, what] of [...this.#differences].slice(0, SHOWN)) {
      console.log(`differs: ${where}: ${what.join("; ")}`);
    }
    const skipped = this.#lines.filter((line) => line["skipped"] !== undefined).length;
    const differ = this.#differences.size;
    console.log(`${String(this.#lines.length)} cases, ${String(skipped)} skipped, ${String(differ)} differ`);
    return differ === 0;
  }
}
