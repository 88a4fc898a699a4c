// The form that switches a fault on.

import { ControlError } from "./api.js";
import { el, field, fill, select } from "./element.js";
import { counted } from "./text.js";

const number = (attributes) => () => el("input", { type: "number", required: true, ...attributes });
const text =
  (attributes = {}) =>
  () =>
    el("input", { type: "text", autocomplete: "off", spellcheck: "false", ...attributes });
const commaSeparated = (value) =>
  value
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
const given = (value) => (value.length > 0 ? value : undefined);

const STATUS = { label: "Status", control: number({ min: 400, max: 599, value: 503 }), read: Number };
const PERCENT = { min: 0, max: 100, step: "any", value: 100 };

// Each kind of fault: what it does, its fields (by the name that the control API gives them), and how it is told.
const KINDS = {
  status: {
    label: "Answer with an error status",
    hint: "Nothing is taken.",
    fields: {
      status: STATUS,
      retry_after: {
        label: "Retry-After",
        hint: "Seconds or an HTTP date; may stay empty.",
        control: text(),
        read: given,
      },
    },
    tell: ({ status, retry_after: retry }) => `Answers with ${status}${retry ? `, Retry-After: ${retry}` : ""}`,
  },
  delay: {
    label: "Answer late",
    hint: "Then it goes on as usual.",
    fields: { milliseconds: { label: "Milliseconds", control: number({ min: 1, max: 600000, value: 1500 }), read: Number } },
    tell: ({ milliseconds }) => `Answers ${milliseconds} ms late`,
  },
  drip: {
    label: "Drip the answer",
    hint: "The body comes in small pieces.",
    fields: { bytes_per_second: { label: "Bytes a second", control: number({ min: 1, value: 20 }), read: Number } },
    tell: ({ bytes_per_second: rate }) => `Drips the answer, ${counted(rate, "byte")} a second`,
  },
  chunked: {
    label: "Send the answer in chunks",
    hint: "Its length is not told.",
    fields: { bytes: { label: "Bytes in a chunk", control: number({ min: 1, value: 8 }), read: Number } },
    tell: ({ bytes }) => `Sends the answer in chunks of ${counted(bytes, "byte")}`,
  },
  cut_body: {
    label: "Cut the answer's body",
    hint: "The connection is closed before the body is at its end.",
    fields: { bytes: { label: "After … bytes", control: number({ min: 0, value: 8 }), read: Number } },
    tell: ({ bytes }) => `Cuts the answer's body after ${counted(bytes, "byte")}`,
  },
  hang_up: {
    label: "Hang up",
    hint: "The connection is closed before the request's body is read; nothing is taken.",
    fields: {},
    tell: () => "Hangs up without reading, nothing is taken",
  },
  close_before: {
    label: "Close the connection before taking",
    hint: "Nothing is taken, and no answer comes.",
    fields: {},
    tell: () => "Closes the connection, nothing is taken",
  },
  close_after: {
    label: "Close the connection after taking",
    hint: "The events are taken, but no answer says so: sending again makes repeated events.",
    fields: {},
    tell: () => "Takes the events, then closes the connection",
  },
  reject_events: {
    label: "Reject events",
    hint: "An event is rejected if it meets every condition that is given.",
    fields: {
      types: { label: "Types", read: given },
      event_ids: {
        label: "event_ids",
        hint: "Separated by commas; empty: any.",
        control: text(),
        read: (value) => given(commaSeparated(value)),
      },
      indexes: {
        label: "Positions in the request",
        hint: "From 0, separated by commas; empty: any.",
        control: text({ pattern: "[0-9, ]*" }),
        read: (value) => given(commaSeparated(value).map(Number)),
      },
      share: { label: "Share of these events, in %", control: number(PERCENT), read: (value) => Number(value) / 100 },
      error: { label: "Reason", hint: "In words; may stay empty.", control: text(), read: given },
    },
    tell: (fault) => {
      const which = [
        fault.types && `of type ${fault.types.join(", ")}`,
        fault.event_ids && `with the event_id ${fault.event_ids.join(", ")}`,
        fault.indexes && `at position ${fault.indexes.join(", ")}`,
      ].filter(Boolean);
      const share = (fault.share ?? 1) < 1 ? `${Math.round(fault.share * 1000) / 10} % of events` : "events";
      return `Rejects ${[share, ...which].join(" ")}${fault.error ? `: ${fault.error}` : ""}`;
    },
  },
  html: {
    label: "Answer with an HTML page",
    hint: "As a proxy in between would.",
    fields: { status: { ...STATUS, control: number({ min: 400, max: 599, value: 502 }) } },
    tell: ({ status }) => `Answers with an HTML page and ${status}`,
  },
  cut_json: {
    label: "Cut the answer's JSON",
    hint: "The events are taken; the JSON ends in the middle.",
    fields: {},
    tell: () => "Takes the events, then cuts the JSON of the answer",
  },
  answer: {
    label: "Answer with what you say",
    hint: "Nothing is taken.",
    fields: {
      status: { label: "Status", control: number({ min: 200, max: 599, value: 200 }), read: Number },
      headers: {
        label: "Content-Type",
        control: text({ value: "application/json" }),
        read: (value) => (value === "" ? undefined : { "content-type": value }),
      },
      body: { label: "Body", control: text(), read: (value) => value },
    },
    tell: ({ status, body }) => `Answers with ${status} and ${counted(body.length, "character")} of a given body`,
  },
};

/** A fault in words. */
export function describe(fault) {
  return KINDS[fault.kind]?.tell?.(fault) ?? fault.kind;
}

/** The form; `add(fault)` switches one on and may reject with a ControlError. */
export function faultForm(types, add) {
  const kind = select(
    Object.entries(KINDS).map(([name, { label }]) => [name, label]),
    { on: { change: () => draw() } },
  );
  const hint = el("p", { class: "hint" });
  const special = el("div", { class: "fields" });
  const operation = select([
    ["", "both operations"],
    ["collect", "collect"],
    ["set_consent", "consent"],
  ]);
  const next = el("input", { type: "number", min: 1, placeholder: "until switched off" });
  const share = number(PERCENT)();
  const problem = el("p", { class: "problem", role: "alert" });
  let readers = {};

  function draw() {
    const chosen = KINDS[kind.value];
    hint.textContent = chosen.hint;
    readers = {};
    fill(
      special,
      Object.entries(chosen.fields).map(([name, { label, hint: words, control, read }]) => {
        if (!control) return typeChoice(types, label, (chosenTypes) => (readers[name] = () => read(chosenTypes())));
        const element = control();
        readers[name] = () => read(element.value.trim());
        return field(label, element, words);
      }),
    );
  }

  async function submit(event) {
    event.preventDefault();
    problem.textContent = "";
    const fault = { kind: kind.value };
    for (const [name, reader] of Object.entries(readers)) fault[name] = reader();
    try {
      await add({
        operation: operation.value || undefined,
        next: next.value === "" ? undefined : Number(next.value),
        share: Number(share.value) / 100,
        fault,
      });
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      problem.textContent = error.message;
    }
  }

  draw();
  return el(
    "form",
    { class: "fault-form", "aria-labelledby": "fault-form-title", on: { submit } },
    el("h3", { id: "fault-form-title" }, "Switch one on"),
    field("What happens", kind),
    hint,
    special,
    el(
      "div",
      { class: "fields" },
      field("To", operation),
      field("For the next … requests", next, "Empty: until switched off."),
      field("Share of the requests, in %", share),
    ),
    el("div", { class: "actions" }, el("button", { type: "submit", class: "primary" }, "Switch on")),
    problem,
  );
}

function typeChoice(types, label, ready) {
  const boxes = types.map((name) => el("input", { type: "checkbox", value: name }));
  ready(() => boxes.filter((box) => box.checked).map((box) => box.value));
  return el(
    "fieldset",
    { class: "types" },
    el("legend", {}, label),
    el("p", { class: "hint" }, "None chosen: any."),
    el(
      "div",
      { class: "choices" },
      boxes.map((box) => el("label", { class: "choice" }, box, el("span", {}, box.value))),
    ),
  );
}
