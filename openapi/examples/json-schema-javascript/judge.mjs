// Judges all vectors of events, consent and times, and writes what it found. COPILOT_VECTORS is their folder,
// COPILOT_REPORT the file to write.

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { parse } from "lossless-json";

import { writeJson } from "./numbers.mjs";
import { fromUtc, toUtc } from "./times.mjs";
import { contract } from "./validate.mjs";

const folder = variable("COPILOT_VECTORS");
const judge = contract();
/** @type {Record<string, unknown>[]} */
const report = [];
/** @type {string[]} */
const differences = [];

for (const file of [
  ...readdirSync(join(folder, "events"))
    .sort()
    .map((name) => `events/${name}`),
  "consent.json",
]) {
  const { schema, now, cases } = read(file);
  for (const { name, valid, breaks, body } of cases) {
    const found = judge.judgeText(schema, writeJson(body), Number(now));
    report.push({
      part: "event",
      file,
      name,
      valid: found.length === 0,
      ...(found.length === 0 ? {} : { by: "validator", breaks: found.map(({ pointer, rule }) => ({ pointer, rule })) }),
    });
    const same = isDeepStrictEqual(rules(found), rules(breaks ?? [])) && valid === (found.length === 0);
    expect(same, `${file} ${name}`, rules(found));
  }
}

const { now, utc, epoch } = read("timestamps.json");
for (const { name, text, epoch_ms } of utc) {
  const found = judge.judgeText("UtcTimestamp", writeJson(text), Number(now));
  const time = found.length === 0 ? fromUtc(text) : undefined;
  report.push({ part: "time", name, ...(time === undefined ? { refused: true } : { epoch_ms: time }) });
  expect(time === (epoch_ms === undefined ? undefined : Number(epoch_ms)), name, time);
}
for (const { name, value, text, rule } of epoch) {
  const found = judge.judgeText("EventTime", writeJson(value), Number(now));
  const written = found.length === 0 ? toUtc(Number(value)) : undefined;
  report.push({ part: "time", name, ...(written === undefined ? { refused: true } : { text: written }) });
  expect(written === text && found[0]?.rule === rule, name, written ?? found);
}

const wrongField = judge.judgeText("Event", readFileSync("wrong-field.json", "utf8"), Number(now));
const refused = wrongField.some(({ pointer }) => pointer.endsWith("/utc_offest"));
report.push({ part: "wrong_field", by: refused ? "validator" : "none" });
expect(refused, "a misspelt field is taken", wrongField);

writeFileSync(variable("COPILOT_REPORT"), report.map((line) => `${JSON.stringify(line)}\n`).join(""));
console.log(`${report.length} judged, ${differences.length} differences`);
console.log(differences.slice(0, 50).join("\n"));
process.exitCode = differences.length === 0 ? 0 : 1;

/**
 * A file of vectors, its numbers digit by digit.
 *
 * @param {string} file
 * @returns {any}
 */
function read(file) {
  return parse(readFileSync(join(folder, file), "utf8"));
}

/**
 * @param {{ pointer: string, rule: string, grade: string }[]} breaks
 * @returns {string[]}
 */
function rules(breaks) {
  return breaks.map(({ pointer, rule, grade }) => `${pointer} ${rule} ${grade}`).sort();
}

/**
 * @param {boolean} holds
 * @param {string} what
 * @param {unknown} found
 */
function expect(holds, what, found) {
  if (!holds) {
    differences.push(`differs: ${what}: ${JSON.stringify(found)}`);
  }
}

/** @param {string} name */
function variable(name) {
  const value = process.env[name];
  if (value === undefined || value === "") {
    throw new Error(`${name} is not set`);
  }
  return value;
}
