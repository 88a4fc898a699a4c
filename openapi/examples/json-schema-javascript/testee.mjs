// The testee of `cargo xtask polyglot`: judges what each line of standard input holds, and says which rules it breaks.

import { createInterface } from "node:readline";

import { parse } from "lossless-json";

import { writeJson } from "./numbers.mjs";
import { contract } from "./validate.mjs";

const validator = contract();

/** @param {any} asked Its numbers digit by digit. */
function judge({ do: what, events, change, text, value, now = 0 }) {
  switch (what) {
    case "collect":
      return validator.judgeText("Event", events[0], Number(now));
    case "set_consent":
      return validator.judgeText("ConsentChange", change, Number(now));
    case "read_time":
      return validator.judgeText("UtcTimestamp", writeJson(text), Number(now));
    default:
      return validator.judgeText("EventTime", writeJson(value), Number(now));
  }
}

/** @param {string} line */
function said(line) {
  try {
    const breaks = judge(parse(line)).map(({ pointer, rule, grade }) => ({ pointer, rule, grade }));
    return breaks.length > 0 ? { breaks } : {};
  } catch (error) {
    if (error instanceof SyntaxError) {
      return { refused: "reader" };
    }
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(said(line)));
}
