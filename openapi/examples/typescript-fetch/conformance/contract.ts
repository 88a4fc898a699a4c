// What the generated types leave out of the contract, for the checks of the runner.

import { readFileSync } from "node:fs";

interface Contract {
  components: {
    schemas: {
      Event: { discriminator: { mapping: Record<string, string> } };
      EventTime: { "x-time-window": { past: number; future: number } };
    };
  };
}

const { schemas } = (JSON.parse(readFileSync("../../copilot.json", "utf8")) as Contract).components;

/** Each type of event with the name of its schema. */
export const VARIANTS: [type: string, schema: string][] = Object.entries(schemas.Event.discriminator.mapping).map(
  ([type, reference]) => [type, reference.replace("#/components/schemas/", "")],
);

export const TIME_WINDOW = schemas.EventTime["x-time-window"];
