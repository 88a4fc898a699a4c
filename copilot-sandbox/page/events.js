// The tab of events: filters, and the live list of what they let through.

import { connection } from "./connect.js";
import { button, el, field, select, setText } from "./element.js";
import { EventList } from "./eventlist.js";
import { FILTERS, adjust, go, hrefOf } from "./route.js";
import { count } from "./text.js";

const UNKNOWN = "unknown";
const TYPING_PAUSE = 250;

export function eventsTab(status) {
  const controls = filterControls(status.event_types);
  const summary = el("summary", {}, "Filters");
  const clear = button("Clear", () => go(hrefOf("events")), { class: "quiet clear" });
  const fields = Object.entries(controls).map(([name, control]) => field(LABELS[name], control));
  const form = el(
    "form",
    {
      class: "filters",
      role: "search",
      "aria-label": "Filter events",
      on: { submit: (event) => event.preventDefault() },
    },
    fields,
    clear,
  );
  const drawer = el("details", { class: "drawer" }, summary, form);
  drawer.open = matchMedia("(min-width: 60rem)").matches;

  let filters = {};
  let shownFilters = null;
  const list = new EventList({
    label: "Events, newest first",
    empty: () => (Object.keys(filters).length > 0 ? noMatch() : nothingYet(status)),
  });

  return {
    name: "events",
    title: "Events",
    content: [drawer, list.element],
    list,
    show({ parameters }, statistics) {
      filters = Object.fromEntries(FILTERS.map((name) => [name, parameters.get(name)]).filter(([, value]) => value));
      for (const [name, control] of Object.entries(controls)) {
        if (document.activeElement !== control) control.value = filters[name] ?? "";
      }
      const active = Object.keys(filters).length;
      clear.hidden = active === 0;
      setText(summary, active === 0 ? "Filters" : `Filters (${active} on)`);
      // Whom one follows is in the URL too, and does not change this list.
      const wanted = JSON.stringify(filters);
      if (wanted === shownFilters) list.refresh(statistics?.newest ?? 0);
      else list.show(filters, statistics?.newest ?? 0);
      shownFilters = wanted;
    },
    changed(statistics, forgotten) {
      countTypes(controls.type, statistics.by_type);
      if (forgotten) list.show(filters, statistics.newest);
      else list.refresh(statistics.newest);
    },
  };
}

const LABELS = {
  type: "Type",
  verdict: "Verdict",
  repeated: "Repeated",
  user_id: "user_id",
  thing_id: "thing_id",
  event_id: "event_id",
};

function filterControls(types) {
  const choose = (name, choices) =>
    select([["", "any"], ...choices], { on: { change: (event) => adjust({ [name]: event.target.value }) } });
  const type = (name) => {
    let timer = 0;
    const changed = (event) => {
      clearTimeout(timer);
      timer = setTimeout(() => adjust({ [name]: event.target.value.trim() }), TYPING_PAUSE);
    };
    return el("input", {
      type: "text",
      autocomplete: "off",
      spellcheck: "false",
      autocapitalize: "off",
      on: { input: changed },
    });
  };
  return {
    type: choose("type", [...types.map((name) => [name, name]), [UNKNOWN, "not in the contract"]]),
    verdict: choose("verdict", [
      ["accepted", "accepted"],
      ["rejected", "rejected"],
    ]),
    repeated: choose("repeated", [
      ["true", "yes"],
      ["false", "no"],
    ]),
    user_id: type("user_id"),
    thing_id: type("thing_id"),
    event_id: type("event_id"),
  };
}

/** How many events of each type arrived, in the list of types; not while that list is open. */
function countTypes(control, byType) {
  if (document.activeElement === control) return;
  for (const option of control.options) {
    if (option.value === "") continue;
    const { accepted = 0, rejected = 0 } = byType[option.value] ?? {};
    const name = option.value === UNKNOWN ? "not in the contract" : option.value;
    const total = accepted + rejected;
    setText(option, total === 0 ? name : `${name} (${count(total)})`);
  }
}

function noMatch() {
  return el(
    "div",
    { class: "empty" },
    el("p", {}, "No event that is remembered meets these filters. New ones that do appear here."),
    button("Clear the filters", () => go(hrefOf("events"))),
  );
}

function nothingYet(status) {
  return el(
    "div",
    { class: "empty" },
    el("h3", {}, "Nothing has arrived yet"),
    el("p", {}, "Point your backend here, or ", el("a", { href: "#send" }, "send an event by hand"), "."),
    connection(status),
  );
}
