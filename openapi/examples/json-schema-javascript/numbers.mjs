// JSON whose numbers keep their digits. JSON.parse reads 5.0 as 5, and rounds integers beyond 2^53; the contract tells
// them apart.

import { isLosslessNumber, parse, stringify } from "lossless-json";

const LONE_SURROGATE = /\p{Cs}/u;

/**
 * A JSON value as JavaScript has it, and the digits of each number in it, by JSON pointer.
 *
 * @typedef {{ value: unknown, digits: Map<string, string> }} Json
 */

/**
 * Reads JSON. Throws a SyntaxError at text that is none, at half of a pair of surrogates, and at a name that stands twice
 * in an object.
 *
 * @param {string} text
 * @returns {Json}
 */
export function readJson(text) {
  /** @type {Map<string, string>} */
  const digits = new Map();
  return { value: plain(parse(text, undefined, { onDuplicateKey: refuseName }), "", digits), digits };
}

/** @returns {never} */
function refuseName() {
  throw new SyntaxError("a name stands twice in an object");
}

/**
 * Writes what lossless-json read, each number digit by digit.
 *
 * @param {unknown} value
 */
export function writeJson(value) {
  const text = stringify(value);
  if (text === undefined) {
    throw new TypeError("not JSON");
  }
  return text;
}

/**
 * @param {unknown} value
 * @param {string} pointer
 * @param {Map<string, string>} digits
 * @returns {unknown}
 */
function plain(value, pointer, digits) {
  if (isLosslessNumber(value)) {
    digits.set(pointer, value.toString());
    return Number(value.toString());
  }
  if (typeof value === "string" && LONE_SURROGATE.test(value)) {
    throw new SyntaxError("half of a pair of surrogates");
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => plain(item, member(pointer, String(index)), digits));
  }
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value);
    members.forEach(([name]) => plain(name, pointer, digits));
    // fromEntries defines the members, so that one named __proto__ is a member as any other.
    return Object.fromEntries(members.map(([name, item]) => [name, plain(item, member(pointer, name), digits)]));
  }
  return value;
}

/**
 * The JSON pointer of a member.
 *
 * @param {string} pointer
 * @param {string} name
 */
export function member(pointer, name) {
  return `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
