// Typical mistakes, made on purpose. Each is derived from whatever event it is given: which types and which members
// there are is written in the contract alone.

const DAY = 86_400_000;
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const payloadOf = (event) => (isObject(event.payload) ? event.payload : {});
const idsIn = (event) => ["user_id", "thing_id"].filter((name) => name in payloadOf(event));
const without = (object, names) => Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
const withPayload = (event, payload) => ({ ...event, payload: { ...payloadOf(event), ...payload } });

/** `{ name, label, applies(event), make(event) }`; `make` returns the event with the mistake. */
export const MISTAKES = [
  {
    name: "seconds",
    label: "timestamp in seconds",
    make: (event) => ({ ...event, timestamp: Math.floor(Date.now() / 1000) }),
  },
  { name: "old", label: "31 days old", make: (event) => ({ ...event, timestamp: Date.now() - 31 * DAY }) },
  { name: "future", label: "an hour in the future", make: (event) => ({ ...event, timestamp: Date.now() + DAY / 24 }) },
  { name: "no-event-id", label: "no event_id", make: (event) => without(event, ["event_id"]) },
  {
    name: "long-event-id",
    label: "event_id of 51 characters",
    make: (event) => ({
      ...event,
      event_id: String(event.event_id ?? "e")
        .padEnd(51, "0")
        .slice(0, 51),
    }),
  },
  {
    name: "no-id",
    label: "no id in the payload",
    applies: (event) => idsIn(event).length > 0,
    make: (event) => ({ ...event, payload: without(payloadOf(event), idsIn(event)) }),
  },
  {
    name: "bad-character",
    label: "a space in an id",
    applies: (event) => idsIn(event).length > 0,
    make: (event) => withPayload(event, { [idsIn(event)[0]]: "has a space" }),
  },
  { name: "unknown-property", label: "an unknown property", make: (event) => ({ ...event, surprise: true }) },
  { name: "null", label: "a property that is null", make: (event) => withPayload(event, { note: null }) },
  {
    name: "too-many",
    label: "21 properties",
    make: (event) =>
      withPayload(
        event,
        Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`property_${index + 1}`, index])),
      ),
  },
  {
    name: "unknown-type",
    label: "an unknown type",
    make: (event) => ({ ...event, type: `${event.type ?? "event"}_x` }),
  },
];

/** A fresh event from the contract's example: an id of its own, and now. */
export function fresh(example) {
  // Not randomUUID: a page that came by plain HTTP from another machine does not have it.
  const random = crypto.getRandomValues(new Uint8Array(10));
  const id = [...random].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { ...example, event_id: `by-hand-${id}`, timestamp: Date.now() };
}
