// The panel of the user or thing that one follows: what is known, and its events.

import { coalesced, find } from "./api.js";
import { consentWord } from "./directory.js";
import { button, copyButton, el, fill } from "./element.js";
import { EventList } from "./eventlist.js";
import { followHref, followed, go, hrefOf } from "./route.js";
import { followLink } from "./subject.js";
import { count, counted, isTime, moment, shown } from "./text.js";

const SOURCES = { set_consent: "the consent operation", event: "an event" };

/** `panel` is the element that is shown while one follows somebody. */
export function followPanel(panel) {
  let subject = null;
  let history = null;
  const facts = el("div", { class: "facts" });

  const load = coalesced(async () => {
    const asked = subject;
    if (!asked) return;
    const known = await find(`/${asked.kind}s/${encodeURIComponent(asked.id)}`);
    if (asked !== subject) return;
    fill(facts, known === null ? unknown(asked) : asked.kind === "user" ? userFacts(known) : thingFacts(known));
  });

  function open(statistics) {
    history = new EventList({
      label: `Events of this ${subject.kind}, newest first`,
      page: 30,
      most: 120,
      // Where the screen is narrow, the panel stands in the page and has no scroll bar of its own.
      scroller: () => (getComputedStyle(panel).overflowY === "auto" ? panel : document.scrollingElement),
      empty: () => el("p", { class: "empty" }, "No event of it is remembered."),
    });
    const heading = el(
      "h2",
      { tabindex: "-1", id: "follow-title" },
      el("span", { class: "kind" }, subject.kind),
      " ",
      shown(subject.id, { limit: 120, className: "value id" }),
    );
    const close = button("Close", () => go(followHref(subject.kind, null)), { class: "quiet" });
    const filter = el(
      "a",
      { href: hrefOf("events", { [`${subject.kind}_id`]: subject.id }) },
      "Show in the list of events",
    );
    fill(
      panel,
      el("div", { class: "follow-head" }, heading, copyButton(subject.id, "the id"), close),
      facts,
      el("h3", {}, "Events"),
      filter,
      history.element,
    );
    fill(facts);
    panel.dataset.kind = subject.kind;
    panel.hidden = false;
    document.body.classList.add("following");
    history.show({ [`${subject.kind}_id`]: subject.id }, statistics?.newest ?? 0);
    load();
    // Not when the page comes up with somebody in its URL.
    if (document.activeElement !== document.body)
      heading.focus({ preventScroll: matchMedia("(min-width: 60rem)").matches });
  }

  function close() {
    const hadFocus = panel.contains(document.activeElement);
    panel.hidden = true;
    fill(panel);
    history = null;
    document.body.classList.remove("following");
    if (hadFocus) document.getElementById("main").focus({ preventScroll: true });
  }

  return {
    pause: (paused) => history?.pause(paused),
    routed({ parameters }, statistics) {
      const wanted = followed(parameters);
      const isSame = wanted?.kind === subject?.kind && wanted?.id === subject?.id;
      if (isSame) return;
      subject = wanted;
      if (subject) open(statistics);
      else close();
    },
    changed(statistics, forgotten) {
      if (!subject) return;
      if (!facts.contains(document.activeElement)) load();
      if (forgotten) history.show({ [`${subject.kind}_id`]: subject.id }, statistics.newest);
      else history.refresh(statistics.newest);
    },
  };
}

function unknown({ kind }) {
  return el("p", { class: "empty" }, `No accepted event told of this ${kind}.`);
}

/** Rows of a name and what it holds; those without content are left out. */
function list(entries) {
  const rows = entries.filter(([, content]) => content !== null && content !== false);
  return el(
    "dl",
    { class: "facts-list" },
    rows.map(([name, content]) => el("div", {}, el("dt", {}, name), el("dd", {}, content))),
  );
}

function userFacts(user) {
  const { consent } = user;
  return [
    list([
      ["Deleted", user.deleted_at && [moment(user.deleted_at), ": its personal data was removed"]],
      [
        "Consent",
        consent === null
          ? consentWord(null)
          : [
              consentWord(consent),
              ", ",
              moment(consent.changed_at),
              `, by ${SOURCES[consent.source] ?? consent.source}`,
            ],
      ],
      ["Mail", user.unsubscribed && "the address was unsubscribed"],
      ["Things", subjects("thing", user.things)],
      ...seen(user),
    ]),
    profile(user.profile),
  ];
}

function thingFacts(thing) {
  const states = Object.entries(thing.status);
  return [
    list([["Users", subjects("user", thing.users)], ...seen(thing)]),
    states.length > 0 && [
      el("h3", {}, "Status"),
      list(
        states.map(([key, { value, date }]) => [
          shown(key, { limit: 60 }),
          [shown(value, { limit: 200 }), el("span", { class: "dim" }, " since ", moment(date))],
        ]),
      ),
    ],
    profile(thing.profile),
  ];
}

function seen({ first_seen_at: first, last_seen_at: last, events }) {
  return [
    ["First seen", moment(first)],
    ["Last seen", moment(last)],
    ["Events", counted(events, "accepted event")],
  ];
}

function subjects(kind, ids) {
  if (ids.length === 0) return "none";
  const shownAtOnce = 30;
  const links = ids.slice(0, shownAtOnce).map((id) => el("li", {}, followLink(kind, id)));
  const rest = ids.length - shownAtOnce;
  return el("ul", { class: "subjects", role: "list" }, links, rest > 0 && el("li", {}, `and ${count(rest)} more`));
}

function profile(properties) {
  const entries = Object.entries(properties);
  if (entries.length === 0) return null;
  const value = (content) => [
    shown(typeof content === "string" ? content : JSON.stringify(content), { limit: 300, whole: true }),
    Number.isInteger(content) &&
      isTime(content) &&
      el("span", { class: "aside" }, moment(new Date(content).toISOString())),
  ];
  const rows = entries.flatMap(([name, content]) =>
    content !== null && typeof content === "object" && !Array.isArray(content)
      ? Object.entries(content).map(([inner, deep]) => [
          [shown(name, { limit: 60 }), el("span", { class: "dim" }, " / "), shown(inner, { limit: 60 })],
          value(deep),
        ])
      : [[shown(name, { limit: 60 }), value(content)]],
  );
  return [el("h3", {}, "Profile"), list(rows)];
}
