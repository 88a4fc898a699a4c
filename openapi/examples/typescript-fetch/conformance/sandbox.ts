// The control of the sandbox, at its own address.

import { NotRunnable } from "./settings.js";

export class Sandbox {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Throws unless the sandbox is there and judges times at this moment. */
  async standsAt(now: number): Promise<void> {
    const status = await this.#call("GET", "status").catch((error: unknown) => {
      throw error instanceof TypeError ? new NotRunnable(`no sandbox answers at ${this.#url}`) : error;
    });
    const { clock } = (await status.json()) as { clock: unknown };
    if (clock !== now) {
      throw new NotRunnable(
        `start the sandbox with --clock ${String(now)}: the vectors are judged at that moment`,
      );
    }
  }

  /** Forgets all events, and switches all faults off. */
  async reset(): Promise<void> {
    await this.#call("POST", "reset");
  }

  /** The next request is answered with this, once. */
  async answerNext(answer: { status: number; headers: Record<string, string>; body: string }): Promise<void> {
    await this.#call("POST", "faults", { next: 1, fault: { kind: "answer", ...answer } });
  }

  /** The events that arrived, the first one first. */
  async events(): Promise<unknown[]> {
    const { events } = (await (await this.#call("GET", "events?limit=1000")).json()) as {
      events: { event: unknown }[];
    };
    return events.map(({ event }) => event).reverse();
  }

  async #call(method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(`${this.#url}/_sandbox/${path}`, {
      method,
      ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    if (!response.ok) {
      throw new NotRunnable(`the sandbox answered ${String(response.status)} to ${method} ${path}`);
    }
    return response;
  }
}
