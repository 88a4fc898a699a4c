// The counters, the requests by status, and the events of the last 60 seconds.

import { el, setText, svg } from "./element.js";
import { hrefOf } from "./route.js";
import { count, counted } from "./text.js";

const COUNTERS = [
  {
    name: "accepted",
    label: "Accepted",
    tab: "events",
    filters: { verdict: "accepted" },
    read: ({ events }) => events.accepted,
  },
  {
    name: "rejected",
    label: "Rejected",
    tab: "events",
    filters: { verdict: "rejected" },
    read: ({ events }) => events.rejected,
  },
  {
    name: "repeated",
    label: "Repeated",
    tab: "events",
    filters: { repeated: "true" },
    read: ({ events }) => events.repeated,
  },
  { name: "users", label: "Users", tab: "users", filters: {}, read: ({ users }) => users },
  { name: "things", label: "Things", tab: "things", filters: {}, read: ({ things }) => things },
  {
    name: "unsubscribes",
    label: "Unsubscribes",
    tab: "consents",
    filters: {},
    read: ({ unsubscribes }) => unsubscribes,
  },
];

export function overview() {
  const counters = COUNTERS.map((counter) => ({ ...counter, value: el("a", {}, "0") }));
  const sync = el("dd", { class: "sync" }, "not started");
  const list = el(
    "dl",
    { class: "counters" },
    counters.map(({ name, label, value }) => el("div", { class: name }, el("dt", {}, label), el("dd", {}, value))),
    el("div", { class: "sync" }, el("dt", {}, "Sync"), sync),
  );
  const requests = el("p", { class: "requests" });
  const plot = ratePlot();
  return {
    content: [list, plot.element, requests],
    routed() {
      for (const { value, tab, filters } of counters) value.setAttribute("href", hrefOf(tab, filters));
    },
    changed(statistics) {
      for (const { value, read } of counters) setText(value, count(read(statistics)));
      setText(sync, syncState(statistics.sync));
      setText(requests, requestCounts(statistics.requests));
      requests.hidden = requests.textContent === "";
      plot.draw(statistics.rate);
    },
  };
}

function syncState({ state, events }) {
  if (state === "none") return "not started";
  return `${state}, ${counted(events, "event")}`;
}

function requestCounts(requests) {
  return Object.entries(requests)
    .map(([operation, byStatus]) => {
      const statuses = Object.entries(byStatus).map(([status, number]) => `${status} × ${count(number)}`);
      return `${operation}  ${statuses.join(", ")}`;
    })
    .join("     ");
}

const WIDTH = 60;
const HEIGHT = 40;
// Accepted events rise from this line and rejected ones hang from it, so that colour is not needed to tell them apart.
const BASE = 26;

function ratePlot() {
  const bars = svg("g", {});
  const base = svg("path", { class: "base", d: `M0 ${BASE}H${WIDTH}`, "vector-effect": "non-scaling-stroke" });
  const picture = svg(
    "svg",
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": "No events in the last 60 seconds",
    },
    bars,
    base,
  );
  const peak = el("span", { class: "peak" });
  const caption = el(
    "figcaption",
    { "aria-hidden": "true" },
    el("span", {}, "60 s ago"),
    el("span", { class: "legend" }, "▲ accepted  ▼ rejected"),
    peak,
  );
  return {
    element: el("figure", { class: "rate" }, picture, caption),
    draw(rate) {
      const most = (verdict) => Math.max(0, ...rate.map((second) => second[verdict]));
      const [accepted, rejected] = [most("accepted"), most("rejected")];
      // Both directions have one scale.
      const scale = Math.max(accepted / (BASE - 1), rejected / (HEIGHT - BASE - 1), 1 / (BASE - 1));
      bars.replaceChildren(...rate.flatMap((second, index) => bar(second, index, scale)));
      const busiest = Math.max(0, ...rate.map((second) => second.accepted + second.rejected));
      setText(peak, busiest === 0 ? "quiet" : `peak ${count(busiest)}/s`);
      picture.setAttribute("aria-label", inWords(rate, busiest));
    },
  };
}

function bar(second, index, scale) {
  // What happened once beside thousands is still there.
  const height = (number) => (number === 0 ? 0 : Math.max(number / scale, 1.2));
  const shapes = [];
  const up = height(second.accepted);
  const down = height(second.rejected);
  if (up > 0) shapes.push(svg("rect", { class: "accepted", x: index + 0.1, width: 0.8, y: BASE - up, height: up }));
  if (down > 0) shapes.push(svg("rect", { class: "rejected", x: index + 0.1, width: 0.8, y: BASE, height: down }));
  return shapes;
}

function inWords(rate, busiest) {
  if (busiest === 0) return "No events in the last 60 seconds";
  const sum = (verdict) => rate.reduce((total, second) => total + second[verdict], 0);
  const ago = rate.length - 1 - rate.findLastIndex((second) => second.accepted + second.rejected === busiest);
  const when = ago === 0 ? "just now" : `${counted(ago, "second")} ago`;
  return `Events in the last 60 seconds: ${count(sum("accepted"))} accepted, ${count(sum("rejected"))} rejected; most in one second: ${count(busiest)}, ${when}`;
}
