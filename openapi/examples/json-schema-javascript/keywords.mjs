// Keywords beyond Ajv's own: the extensions of the contract, the discriminator with its mapping, and formats.

/**
 * What a keyword is told, besides the value: the receiver's clock, and the digits of the numbers by JSON pointer.
 *
 * @typedef {{ now: number, digits: Map<string, string> }} Context
 */

const INT64 = { least: -(2n ** 63n), greatest: 2n ** 63n - 1n };
/** What is no rule for a value; `components` is where the document has its schemas. */
const ANNOTATIONS = [
  "components",
  "example",
  "x-known-values",
  "x-open",
  "x-provenance",
  "x-unbounded",
  // Judged where the text is read: see numbers.mjs.
  "x-unique-names",
  "x-unreferenced",
];

/** @param {import("ajv").default} ajv */
export function addKeywords(ajv) {
  ajv.addVocabulary(ANNOTATIONS);
  ajv.removeKeyword("format");
  ajv.addKeyword(keyword("format", formatError));
  ajv.addKeyword(keyword("x-time-window", timeWindowError));
  ajv.addKeyword(keyword("x-property-limit", propertyLimitError));
  ajv.addKeyword({ keyword: "discriminator", errors: "full", validate: discriminator(ajv) });
}

/**
 * A keyword that has at most one error, which it may place at a member and call by another keyword.
 *
 * @typedef {{ keyword?: string, member?: string, part?: string, message: string }} Failure
 *
 * @callback Judge
 * @param {any} rule What the contract writes at the keyword.
 * @param {unknown} data
 * @param {Context} context
 * @param {{ pointer: string, schema: any }} at
 * @returns {Failure | undefined}
 */

/**
 * The keyword as Ajv takes it.
 *
 * @param {string} name
 * @param {Judge} failure
 * @returns {import("ajv").FuncKeywordDefinition}
 */
function keyword(name, failure) {
  /**
   * @type {import("ajv").SchemaValidateFunction}
   * @this {Context}
   */
  const validate = function (rule, data, schema = {}, place) {
    const pointer = place?.instancePath ?? "";
    const failed = failure(rule, data, this, { pointer, schema });
    if (failed === undefined) {
      return true;
    }
    const { keyword = name, member = "", part, message } = failed;
    validate.errors = [
      { keyword, instancePath: pointer + member, message, params: { part }, parentSchema: schema, data },
    ];
    return false;
  };
  return { keyword: name, errors: "full", validate };
}

/** @type {Judge} */
function formatError(format, data, context, { pointer, schema }) {
  switch (format) {
    case "int64": {
      if (typeof data !== "number" || !Number.isInteger(data)) {
        return undefined;
      }
      const text = context.digits.get(pointer) ?? BigInt(data).toString();
      if (!/^-?\d+$/.test(text)) {
        return { keyword: "type", message: "must be an integer, written without a decimal point or an exponent" };
      }
      return fits(text) ? undefined : { message: "must fit in 64 bits" };
    }
    case "double": {
      // The bounds of the contract are judged by values, which are rounded; integers by their digits.
      const text = context.digits.get(pointer) ?? "";
      return typeof data !== "number" || !/^-?\d+$/.test(text) || fits(text)
        ? undefined
        : { message: "must fit in 64 bits" };
    }
    case "date-time": {
      if (typeof data !== "string" || !new RegExp(schema.pattern, "u").test(data)) {
        return undefined;
      }
      const time = Date.parse(data);
      // Date.parse rolls the 31st of April over to the 1st of May.
      const exists = !Number.isNaN(time) && new Date(time).toISOString() === data;
      return exists ? undefined : { message: "must be a date that exists" };
    }
    // Ajv's description of JSON Schema itself, which it judges the contract's schemas by, has these.
    case "regex":
    case "uri":
      return undefined;
    default:
      throw new RangeError(`the contract has a format that is not known here: ${format}`);
  }
}

/** @param {string} digits An integer. */
function fits(digits) {
  const integer = BigInt(digits);
  return INT64.least <= integer && integer <= INT64.greatest;
}

/** @type {Judge} */
function timeWindowError({ past, future }, data, { now }) {
  if (typeof data !== "number") {
    return undefined;
  }
  if (data < now - past) {
    return { part: "past", message: `must not be more than ${past} ms before the receiver's clock` };
  }
  if (data > now + future) {
    return { part: "future", message: `must not be more than ${future} ms after the receiver's clock` };
  }
  return undefined;
}

/** @type {Judge} */
function propertyLimitError({ maximum, within }, data) {
  return isObject(data) && keysIn(data[within]) > maximum
    ? { member: `/${within}`, message: `must not have more than ${maximum} properties together` }
    : undefined;
}

/**
 * How many keys the object has, with those of the objects in it.
 *
 * @param {unknown} value
 * @returns {number}
 */
function keysIn(value) {
  return isObject(value)
    ? Object.values(value).reduce((/** @type {number} */ sum, inner) => sum + 1 + keysIn(inner), 0)
    : 0;
}

/**
 * Judges by the variant that the discriminator names. Ajv has a keyword of this name, but it takes no mapping.
 *
 * @param {import("ajv").default} ajv
 * @returns {import("ajv").SchemaValidateFunction}
 */
function discriminator(ajv) {
  /**
   * @type {import("ajv").SchemaValidateFunction}
   * @this {Context}
   */
  const validate = function ({ propertyName, mapping }, data, schema = {}, place) {
    const pointer = place?.instancePath ?? "";
    /** @param {string} keyword @param {string} at @param {string} message @param {object} [params] */
    const refuse = (keyword, at, message, params = {}) => {
      const parentSchema = { "x-provenance": schema["x-provenance"]?.discriminator };
      validate.errors = [{ keyword, instancePath: at, message, params, parentSchema, data }];
      return false;
    };
    if (!isObject(data)) {
      return refuse("type", pointer, "must be an object");
    }
    const name = data[propertyName];
    if (name === undefined) {
      return refuse("required", pointer, `must have ${propertyName}`, { missingProperty: propertyName });
    }
    const at = `${pointer}/${propertyName}`;
    if (typeof name !== "string") {
      return refuse("type", at, "must be a string");
    }
    const reference = Object.hasOwn(mapping, name) ? mapping[name] : undefined;
    const variant = reference === undefined ? undefined : ajv.getSchema(`copilot${reference}`);
    if (variant === undefined) {
      return refuse("discriminator", at, "must be one of the types that the contract has");
    }
    const valid = variant.call(this, data, place);
    // Ajv overwrites where the errors of a keyword come from, so they travel inside others.
    validate.errors = (variant.errors ?? []).map((cause) => ({ ...cause, params: { cause } }));
    return valid === true;
  };
  return validate;
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
