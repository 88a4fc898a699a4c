// Links that follow a user or a thing.

import { el } from "./element.js";
import { followHref, go } from "./route.js";
import { plainly, shown } from "./text.js";

/** The id as a link to its panel. An id that no URL can hold is shown without one. */
export function followLink(kind, id, { limit = 80 } = {}) {
  const text = shown(id, { limit, className: "value id" });
  const href = followHref(kind, id);
  if (href === undefined) return text;
  const follow = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    // The rest of the URL may have changed since the link was made.
    go(followHref(kind, id));
  };
  return el(
    "a",
    { href, class: "follow", title: `Follow the ${kind} ${plainly(id, 200)}`, on: { click: follow } },
    text,
  );
}
