// Judges values by the schemas of the contract, with Ajv. What JSON Schema leaves open, or Ajv reads otherwise than the
// contract means it, is in keywords.mjs.

import { readFileSync } from "node:fs";

import { addKeywords } from "./keywords.mjs";
import { member, readJson } from "./numbers.mjs";

import AjvDraft04 from "ajv-draft-04";

/**
 * A rule of the contract that a value breaks.
 *
 * @typedef {object} Break
 * @property {string} pointer Where, as a JSON pointer. Of `required` and `additionalProperties`: the member itself.
 * @property {string} rule The keyword of the contract.
 * @property {string} grade How sure the rule is: seed, documented, observed or assumed.
 * @property {string} message In words. Repeats nothing of what was sent but names.
 */

/** @typedef {{ [keyword: string]: any }} Schema A schema of the contract: what it may hold is up to its author. */

const Ajv = AjvDraft04.default;
const SCHEMAS = "#/components/schemas/";
/** Of these only the first that a number breaks is told: the others say the same again. */
const NUMBER_RULES = ["type", "format", "minimum", "maximum", "x-time-window"];

export class Contract {
  #ajv = new Ajv({
    allErrors: true,
    passContext: true,
    strict: true,
    strictRequired: false,
    verbose: true,
  });

  /** @param {Schema} document The contract, as parsed from copilot.json. */
  constructor(document) {
    addKeywords(this.#ajv);
    this.#ajv.addSchema({ id: "copilot", components: { schemas: prepared(document["components"].schemas) } });
  }

  /**
   * Judges a JavaScript value. A whole number counts as an integer.
   *
   * @param {string} schema The name of a schema of the contract, such as `Event`.
   * @param {unknown} value
   * @param {number} [now] The receiver's clock, in milliseconds since 1970.
   * @returns {Break[]} Nothing if the value is valid.
   */
  judge(schema, value, now = Date.now()) {
    return this.#judge(schema, { value, digits: new Map() }, now);
  }

  /**
   * Judges JSON text, the numbers of it digit by digit. Throws a SyntaxError at text that is no JSON.
   *
   * @param {string} schema
   * @param {string} text
   * @param {number} [now]
   * @returns {Break[]}
   */
  judgeText(schema, text, now = Date.now()) {
    return this.#judge(schema, readJson(text), now);
  }

  /**
   * @param {string} schema
   * @param {import("./numbers.mjs").Json} json
   * @param {number} now
   * @returns {Break[]}
   */
  #judge(schema, { value, digits }, now) {
    const validate = this.#ajv.getSchema(`copilot${SCHEMAS}${schema}`);
    if (validate === undefined) {
      throw new RangeError(`the contract has no schema ${schema}`);
    }
    validate.call({ now, digits }, value);
    return breaks(validate.errors ?? []);
  }
}

/** The contract that lies two folders above. */
export function contract() {
  return new Contract(JSON.parse(readFileSync(new URL("../../copilot.json", import.meta.url), "utf8")));
}

/**
 * @param {import("ajv").ErrorObject[]} errors
 * @returns {Break[]}
 */
function breaks(errors) {
  /** @type {Map<string, Break>} */
  const found = new Map();
  /** @type {Map<string, number>} */
  const ranks = new Map();
  for (const { params, ...rest } of errors) {
    /** @type {import("ajv").ErrorObject} */
    const error = params["cause"] ?? { params, ...rest };
    // Why each single alternative of anyOf does not hold is no rule of its own.
    if (/\/anyOf\/\d+\//.test(error.schemaPath)) {
      continue;
    }
    const pointer = pointerOf(error);
    let key = `${pointer} ${error.keyword}`;
    const rank = NUMBER_RULES.indexOf(error.keyword);
    if (typeof error.data === "number" && rank >= 0) {
      if ((ranks.get(pointer) ?? Infinity) <= rank) {
        continue;
      }
      ranks.set(pointer, rank);
      key = pointer;
    }
    found.set(key, { pointer, rule: error.keyword, grade: gradeOf(error), message: error.message ?? "" });
  }
  return [...found.values()];
}

/** @param {import("ajv").ErrorObject} error */
function pointerOf({ instancePath, keyword, params }) {
  switch (keyword) {
    case "required":
      return member(instancePath, params["missingProperty"]);
    case "additionalProperties":
      return member(instancePath, params["additionalProperty"]);
    default:
      return instancePath;
  }
}

/** @param {import("ajv").ErrorObject} error */
function gradeOf({ keyword, params, parentSchema }) {
  const provenance = parentSchema?.["x-provenance"];
  if (typeof provenance === "string") {
    return provenance;
  }
  // A part of a keyword can have a grade of its own.
  return provenance?.[`${keyword}/${params["part"]}`] ?? provenance?.[keyword] ?? provenance?.["type"] ?? "assumed";
}

/**
 * The schemas as Ajv is to read them: beside a discriminator there is no need to try every variant of oneOf.
 *
 * @param {Schema} schemas
 */
function prepared(schemas) {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => {
      const { oneOf, ...rest } = schema;
      return [name, "discriminator" in schema ? rest : schema];
    }),
  );
}
