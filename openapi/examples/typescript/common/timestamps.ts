// Points in time: the milliseconds since 1970 that events carry, and the text that the API returns.

/** The contract's `x-time-window` of EventTime, in milliseconds. */
const TIME_WINDOW = { past: 2_592_000_000, future: 300_000 } as const;

const UTC = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

/**
 * `2019-01-29T16:31:57.121Z` as milliseconds since 1970. Throws a RangeError at any other form, and at dates that do
 * not exist.
 */
export function fromUtc(text: string): number {
  const epochMillis = UTC.test(text) ? Date.parse(text) : Number.NaN;
  // Date.parse rolls the 31st of April over to the 1st of May, and takes an hour 24.
  if (Number.isNaN(epochMillis) || new Date(epochMillis).toISOString() !== text) {
    throw new RangeError("not a time in UTC with three digits of milliseconds");
  }
  return epochMillis;
}

/** Milliseconds since 1970 as `2019-01-29T16:31:57.121Z`. */
export function toUtc(epochMillis: number): string {
  return new Date(epochMillis).toISOString();
}

/** Whether an event of this time is taken at `now`: not older than 30 days, at most 5 minutes ahead. */
export function isEventTime(epochMillis: unknown, now: number): epochMillis is number {
  return (
    Number.isSafeInteger(epochMillis) &&
    typeof epochMillis === "number" &&
    epochMillis >= now - TIME_WINDOW.past &&
    epochMillis <= now + TIME_WINDOW.future
  );
}
