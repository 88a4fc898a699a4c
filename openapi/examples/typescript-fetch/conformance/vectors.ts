// The vectors, as openapi/vectors/README.md describes them.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { parse, stringify } from "lossless-json";

import { NotRunnable } from "./settings.js";

export interface Case {
  file: string;
  /** The schema that the body is judged by. */
  schema: "Event" | "ConsentChange";
  name: string;
  valid: boolean;
  /** What a JSON reader has to be able to do for it. */
  needs: string[];
  /** The body as the vectors write it, each number digit by digit. */
  body: string;
}

export interface TextCase {
  name: string;
  operation: "collect" | "set_consent";
  text: string;
  valid: boolean;
  /** What a JSON reader has to be able to do for it. */
  needs?: string[];
}

export interface AuthCase {
  name: string;
  client_id: string;
  client_secret: string;
  valid: boolean;
  header?: string;
  /** Why the pair is refused. */
  rule?: string;
}

export interface UtcCase {
  name: string;
  text: string;
  valid: boolean;
  epoch_ms?: number;
}

export interface EpochCase {
  name: string;
  /** As the vectors write it. */
  value: string;
  valid: boolean;
  text?: string;
  needs: string[];
}

export interface ResponseCase {
  name: string;
  operation: "collect" | "set_consent";
  event_ids?: string[];
  answer: { status: number; headers: Record<string, string>; body: string };
  conforms: boolean;
  read: {
    status: number;
    reason?: string | null;
    error_message?: string;
    retry_after?: string;
    invalid_events?: unknown[];
    unreadable?: boolean;
  };
}

interface BodyFile {
  schema: Case["schema"];
  cases: { name: string; valid: boolean; needs?: string[]; body: unknown }[];
}

interface TimestampFile {
  utc: UtcCase[];
  epoch: { name: string; value: unknown; valid: boolean; text?: string; needs?: string[] }[];
}

/** Numbers stay text: a JavaScript number would turn 5.0 into 5, and round integers beyond 2^53. */
function lossless(value: unknown): string {
  const text = stringify(value);
  if (text === undefined) {
    throw new Error("not JSON");
  }
  return text;
}

export class Vectors {
  readonly #folder: string;

  constructor(folder: string) {
    if (!existsSync(join(folder, "events"))) {
      throw new NotRunnable(`no vectors in ${folder}: run this in the folder of the example, or set COPILOT_VECTORS`);
    }
    this.#folder = folder;
  }

  bodies(): Case[] {
    const files = readdirSync(join(this.#folder, "events"))
      .filter((name) => name.endsWith(".json"))
      .sort()
      .map((name) => `events/${name}`);
    return [...files, "consent.json"].flatMap((file) => {
      const { schema, cases } = parse(this.#text(file)) as BodyFile;
      return cases.map(({ name, valid, needs = [], body }) => ({
        file,
        schema,
        name,
        valid,
        needs,
        body: lossless(body),
      }));
    });
  }

  texts(): TextCase[] {
    return (JSON.parse(this.#text("texts.json")) as { cases: TextCase[] }).cases;
  }

  credentials(): AuthCase[] {
    return (JSON.parse(this.#text("basic-auth.json")) as { cases: AuthCase[] }).cases;
  }

  timestamps(): { now: number; utc: UtcCase[]; epoch: EpochCase[] } {
    const { now, utc } = JSON.parse(this.#text("timestamps.json")) as TimestampFile & { now: number };
    const { epoch } = parse(this.#text("timestamps.json")) as TimestampFile;
    const withText = ({ needs = [], value, ...rest }: TimestampFile["epoch"][number]): EpochCase => ({
      ...rest,
      needs,
      value: lossless(value),
    });
    return { now, utc, epoch: epoch.map(withText) };
  }

  responses(): ResponseCase[] {
    return (JSON.parse(this.#text("responses.json")) as { cases: ResponseCase[] }).cases;
  }

  #text(file: string): string {
    return readFileSync(join(this.#folder, file), "utf8");
  }
}
