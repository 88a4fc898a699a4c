// Judges files from the command line: each holds an event, or a list of events.
//
//   node check.mjs [--schema ConsentChange] [--now MILLISECONDS] FILE…

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { parse } from "lossless-json";

import { writeJson } from "./numbers.mjs";
import { contract } from "./validate.mjs";

const { values, positionals } = parseArgs({
  options: { schema: { type: "string", default: "Event" }, now: { type: "string" } },
  allowPositionals: true,
});
const judge = contract();
const now = values.now === undefined ? Date.now() : Number(values.now);

for (const file of positionals) {
  const value = parse(readFileSync(file, "utf8"));
  const bodies = Array.isArray(value) ? value : [value];
  bodies.forEach((body, index) => {
    const broken = judge.judgeText(values.schema, writeJson(body), now);
    for (const { pointer, rule, grade, message } of broken) {
      console.log(`${file}: ${bodies.length > 1 ? `event ${index}: ` : ""}${pointer}: ${message} (${rule}, ${grade})`);
      process.exitCode = 1;
    }
  });
}
