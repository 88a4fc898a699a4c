// The tabs of users and of things: who is remembered, last seen first, with a search by part of the id.

import { coalesced, read } from "./api.js";
import { button, el, field, fill, setText } from "./element.js";
import { adjust } from "./route.js";
import { followLink } from "./subject.js";
import { count, counted, moment } from "./text.js";

const TYPING_PAUSE = 250;
const AT_ONCE = 100;
const MOST = 1000;

export const consentWord = (consent) => (consent === null ? "not told" : consent.value ? "given" : "withdrawn");

const USERS = {
  name: "users",
  title: "Users",
  kind: "user",
  columns: ["User", "Consent", "Things", "Events", "First seen", "Last seen"],
  cells: (user) => [
    [
      followLink("user", user.user_id),
      user.deleted_at && el("span", { class: "badge deleted" }, "deleted"),
      user.unsubscribed && el("span", { class: "badge" }, "unsubscribed"),
    ],
    consentWord(user.consent),
    count(user.things.length),
    count(user.events),
    moment(user.first_seen_at),
    moment(user.last_seen_at),
  ],
};

const THINGS = {
  name: "things",
  title: "Things",
  kind: "thing",
  columns: ["Thing", "Status", "Users", "Events", "First seen", "Last seen"],
  cells: (thing) => [
    followLink("thing", thing.thing_id),
    counted(Object.keys(thing.status).length, "key"),
    count(thing.users.length),
    count(thing.events),
    moment(thing.first_seen_at),
    moment(thing.last_seen_at),
  ],
};

export const usersTab = () => directory(USERS);
export const thingsTab = () => directory(THINGS);

function directory({ name, title, kind, columns, cells }) {
  let timer = 0;
  const typed = (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => adjust({ search: event.target.value.trim() }), TYPING_PAUSE);
  };
  const search = el("input", { type: "search", autocomplete: "off", spellcheck: "false", on: { input: typed } });
  const form = el(
    "form",
    {
      class: "filters",
      role: "search",
      "aria-label": `Search ${name}`,
      on: { submit: (event) => event.preventDefault() },
    },
    field(`Part of the ${kind}_id`, search),
  );
  const total = el("p", { class: "dim total", role: "status" });
  const holder = el("div", {});
  const more = button(
    `Show up to ${count(MOST)}`,
    () => {
      limit = MOST;
      load();
    },
    { class: "older", hidden: true },
  );
  let limit = AT_ONCE;
  let wanted = "";

  const load = coalesced(async () => {
    const asked = wanted;
    const answer = await read(`/${name}`, { search: asked, limit });
    if (asked !== wanted) return;
    const found = answer[name];
    const matching = asked === "" ? "" : " with this in the id";
    setText(
      total,
      `${counted(answer.total, kind)}${matching}${found.length < answer.total ? `, ${count(found.length)} shown` : ""}`,
    );
    more.hidden = found.length >= answer.total || limit === MOST;
    const words =
      asked === "" ? `No ${kind} is known yet: accepted events make them known.` : `No ${kind} has this in its id.`;
    fill(holder, found.length === 0 ? el("p", { class: "empty" }, words) : table(title, columns, found.map(cells)));
  });

  return {
    name,
    title,
    content: [form, total, holder, more],
    show({ parameters }) {
      wanted = parameters.get("search") ?? "";
      if (document.activeElement !== search) search.value = wanted;
      load();
    },
    changed: () => {
      // A link that has the focus must not vanish under it.
      if (!holder.contains(document.activeElement)) load();
    },
  };
}

/** A table that becomes a list of blocks where the screen is narrow. */
export function table(caption, columns, rows) {
  const body = rows.map((cells) =>
    el(
      "tr",
      {},
      cells.map((content, index) =>
        index === 0
          ? el("th", { scope: "row" }, content)
          : el("td", {}, el("span", { class: "name", "aria-hidden": "true" }, `${columns[index]} `), content),
      ),
    ),
  );
  return el(
    "table",
    {},
    el("caption", { class: "spoken" }, caption),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        columns.map((column) => el("th", { scope: "col" }, column)),
      ),
    ),
    el("tbody", {}, body),
  );
}
