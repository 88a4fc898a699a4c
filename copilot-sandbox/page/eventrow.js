// One event: a row that opens to what was sent and what is wrong with it.

import { ControlError, readText } from "./api.js";
import { button, copyButton, el, fill, icon } from "./element.js";
import { memberText } from "./json.js";
import { jsonView } from "./jsonview.js";
import { mend } from "./mending.js";
import { followLink } from "./subject.js";
import { count, counted, moment, plainly, shown, words } from "./text.js";

const NONE = "–";

let examples = {};
let rowsMade = 0;

/** Events that keep to the contract, by type: they tell in which order members stand. */
export function useExamples(given) {
  examples = given;
}

/** The list item of an event. */
export function eventRow(event) {
  const id = `event-${(rowsMade += 1)}`;
  const detail = el("div", { class: "detail", id, hidden: true });
  const row = el("li", { class: `event ${event.verdict}`, "data-sequence": event.sequence });
  const toggle = () => {
    const isOpen = row.classList.toggle("open");
    disclose.setAttribute("aria-expanded", String(isOpen));
    detail.hidden = !isOpen;
    if (isOpen && detail.childElementCount === 0) showDetail(detail, event);
  };
  const disclose = el(
    "button",
    { type: "button", class: "disclose", "aria-expanded": "false", "aria-controls": id, on: { click: toggle } },
    icon("chevron"),
    el("span", { class: "time" }, moment(event.received_at, { exact: true })),
    verdict(event.verdict),
    event.type === null
      ? el("span", { class: "none type" }, "no type")
      : shown(event.type, { limit: 60, className: "value type" }),
  );
  // A mouse opens a row anywhere; the button is for all others.
  const press = (pressed) => {
    if (!pressed.target.closest("a, button") && getSelection().isCollapsed) toggle();
  };
  row.append(
    el(
      "div",
      { class: "row", on: { click: press } },
      disclose,
      cell("event_id", event.event_id === null ? NONE : shown(event.event_id, { limit: 80 }), event.event_id),
      cell("user", event.user_id === null ? NONE : followLink("user", event.user_id)),
      cell("thing", event.thing_id === null ? NONE : followLink("thing", event.thing_id)),
      el("span", { class: "badges" }, event.repeated && badge("repeated")),
      firstReason(event.violations),
    ),
    detail,
  );
  return row;
}

export function verdict(name) {
  return el("span", { class: `verdict ${name}` }, icon(name), name);
}

function cell(name, content, title) {
  return el(
    "span",
    { class: `cell ${name}`, title: title ? plainly(title, 300) : null },
    el("span", { class: "name" }, name, " "),
    content,
  );
}

const BADGES = {
  repeated: "An event with this event_id was accepted before",
};

function badge(name) {
  return el("span", { class: `badge ${name}`, title: BADGES[name] }, name);
}

function firstReason(violations) {
  const [first] = violations;
  if (!first) return null;
  const more = violations.length - 1;
  return el(
    "span",
    { class: "reason" },
    shown(first.pointer || "the whole event", { limit: 80, className: "value pointer" }),
    " ",
    words(first.message, 160),
    more > 0 && el("span", { class: "further" }, ` and ${count(more)} more`),
  );
}

async function showDetail(detail, event) {
  fill(detail, el("p", { class: "dim" }, "Reading …"));
  let text;
  let received = event;
  try {
    const whole = await readText(`/events/${event.sequence}`);
    received = JSON.parse(whole);
    text = memberText(whole, "event");
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    text = JSON.stringify(event.event);
  }
  const type = event.type ?? "";
  const { violations } = received;
  const view = jsonView(text, {
    label: `Event ${event.sequence} as it was sent`,
    violations,
    model: Object.hasOwn(examples, type) ? examples[type] : null,
    times: ["timestamp"],
  });
  fill(
    detail,
    el(
      "div",
      { class: "detail-head" },
      el(
        "p",
        { class: "dim" },
        `No. ${count(event.sequence)}, position ${count(event.index)} of request ${count(event.request)}, arrived `,
        el("time", { datetime: event.received_at }, event.received_at),
        violations.length > 0 && `, breaks ${counted(violations.length, "rule")}`,
      ),
      el(
        "div",
        { class: "actions" },
        copyButton(text, "the JSON of the event"),
        button("Send again …", () => mend(text), { class: "quiet" }),
      ),
    ),
    view,
  );
}
