// The state of the page that can be shared: the tab, its filters and whom one follows, in the fragment of the URL,
// for example `#events?verdict=rejected&follow_user=user-7`.

const TABS = ["events", "users", "things", "consents", "send", "faults"];
export const FILTERS = ["type", "verdict", "repeated", "user_id", "thing_id", "event_id"];

const LINKED_MOST = 1500;

/** Whether an id can be in a URL: not if it is very long, nor if it is no proper Unicode. */
export function isLinkable(id) {
  return id.length <= LINKED_MOST && !/\p{Cs}/u.test(id);
}

const listeners = new Set();

/** `{ tab, parameters }` of the current URL. */
export function current() {
  const [tab, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
  return { tab: TABS.includes(tab) ? tab : "events", parameters: new URLSearchParams(query) };
}

/** Whom the page follows: `{ kind: "user" | "thing", id }` or null. */
export function followed(parameters) {
  for (const kind of ["user", "thing"]) {
    const id = parameters.get(`follow_${kind}`);
    if (id !== null) return { kind, id };
  }
  return null;
}

function write(tab, parameters) {
  const pairs = [...parameters].map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return `#${tab}${pairs.length > 0 ? `?${pairs.join("&")}` : ""}`;
}

/** The parameters of the tab alone, without whom one follows. */
export function ownParameters(parameters) {
  return Object.fromEntries([...parameters].filter(([name]) => !name.startsWith("follow_")));
}

/** The link to a tab with these filters; whom one follows stays. */
export function hrefOf(tab, filters = {}) {
  const subject = followed(current().parameters);
  const parameters = new URLSearchParams(filters);
  if (subject) parameters.set(`follow_${subject.kind}`, subject.id);
  return write(tab, parameters);
}

/** The link that follows a user or a thing (null: nobody) and changes nothing else; undefined if no URL can hold the id. */
export function followHref(kind, id) {
  if (id !== null && !isLinkable(id)) return undefined;
  const { tab, parameters } = current();
  parameters.delete("follow_user");
  parameters.delete("follow_thing");
  if (id !== null) parameters.set(`follow_${kind}`, id);
  return write(tab, parameters);
}

export function go(href) {
  if (location.hash !== href) location.hash = href;
}

/** Changes parameters of this tab without a new entry in the browser's history, as while somebody types. */
export function adjust(changes) {
  const { tab, parameters } = current();
  for (const [name, value] of Object.entries(changes)) {
    if (value) parameters.set(name, value);
    else parameters.delete(name);
  }
  history.replaceState(null, "", write(tab, parameters));
  notify();
}

export function onRoute(listener) {
  listeners.add(listener);
}

function notify() {
  for (const listener of listeners) listener(current());
}

addEventListener("hashchange", notify);
