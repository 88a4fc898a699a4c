// Points in time as the API writes them.

/**
 * `2019-01-29T16:31:57.121Z`, which has been judged to be a UtcTimestamp, as milliseconds since 1970.
 *
 * @param {string} text
 */
export function fromUtc(text) {
  return Date.parse(text);
}

/**
 * Milliseconds since 1970 as `2019-01-29T16:31:57.121Z`.
 *
 * @param {number} epochMillis
 */
export function toUtc(epochMillis) {
  return new Date(epochMillis).toISOString();
}
