// Judges all vectors of events, consent and times, and says where it differs. COPILOT_VECTORS is their folder, unless they
// lie in ../../vectors; COPILOT_REPORT is the file to write what was found into, if any.

import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { parse } from "lossless-json";

import { writeJson } from "./numbers.mjs";
import { fromUtc, toUtc } from "./times.mjs";
import { contract } from "./validate.mjs";

const SHOWN = 20;

const folder = process.env["COPILOT_VECTORS"] || "../../vectors";
if (!existsSync(join(folder, "events"))) {
  console.error(`no vectors in ${folder}: run this in the folder of the example, or set COPILOT_VECTORS`);
  process.exit(2);
}
const judge = contract();
/** @type {Record<string, unknown>[]} */
const report = [];
/** @type {string[]} */
const differences = [];

for (const file of [
  ...readdirSync(join(folder, "events"))
    .filter((name) => name.endsWith(".json"))
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
    expect(same, `event ${file} ${name}`, rules(found));
  }
}

const texts = read("texts.json");
for (const { name, operation, text, valid, breaks, json, needs } of texts.cases) {
  const line = { part: "event", file: "texts.json", name };
  const found = attempt(() => judge.judgeText(operation === "collect" ? "Event" : "ConsentChange", text, Number(texts.now)));
  // lossless-json takes a member that stands twice with the same value.
  if (found !== undefined && needs?.includes("names")) {
    report.push({ ...line, skipped: "names" });
    continue;
  }
  const refused = found === undefined || found.length > 0;
  report.push({
    ...line,
    valid: !refused,
    ...(found === undefined ? { by: "reader" } : { by: "validator", breaks: found.map(({ pointer, rule }) => ({ pointer, rule })) }),
  });
  // Of what is no JSON, or was not read, only the verdict counts.
  const same = json === false || found === undefined || isDeepStrictEqual(rules(found), rules(breaks ?? []));
  expect(same && valid === !refused, `event texts.json ${name}`, found);
}

const { now, utc, epoch } = read("timestamps.json");
for (const { name, text, epoch_ms } of utc) {
  const found = judge.judgeText("UtcTimestamp", writeJson(text), Number(now));
  const time = found.length === 0 ? fromUtc(text) : undefined;
  report.push({ part: "time", name, ...(time === undefined ? { refused: true } : { epoch_ms: time }) });
  expect(time === (epoch_ms === undefined ? undefined : Number(epoch_ms)), `time timestamps.json ${name}`, time);
}
for (const { name, value, text, rule } of epoch) {
  const found = judge.judgeText("EventTime", writeJson(value), Number(now));
  const written = found.length === 0 ? toUtc(Number(value)) : undefined;
  report.push({ part: "time", name, ...(written === undefined ? { refused: true } : { text: written }) });
  expect(written === text && found[0]?.rule === rule, `time timestamps.json ${name}`, written ?? found);
}

const wrongField = judge.judgeText("Event", readFileSync("wrong-field.json", "utf8"), Number(now));
const refused = wrongField.some(({ pointer }) => pointer.endsWith("/utc_offest"));
report.push({ part: "wrong_field", by: refused ? "validator" : "none" });
expect(refused, "wrong_field wrong-field.json", wrongField);

const file = process.env["COPILOT_REPORT"];
if (file) {
  writeFileSync(file, report.map((line) => `${JSON.stringify(line)}\n`).join(""));
}
for (const difference of differences.slice(0, SHOWN)) {
  console.log(difference);
}
const skipped = report.filter((line) => "skipped" in line).length;
console.log(`${report.length} cases, ${skipped} skipped, ${differences.length} differ`);
process.exitCode = differences.length === 0 ? 0 : 1;

/**
 * @template T
 * @param {() => T} work
 * @returns {T | undefined} Nothing where the text cannot be read.
 */
function attempt(work) {
  try {
    return work();
  } catch (error) {
    if (error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}

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
