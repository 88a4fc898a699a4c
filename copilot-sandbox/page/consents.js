// The tab of consents and unsubscribed addresses.

import { coalesced, read } from "./api.js";
import { el, fill } from "./element.js";
import { table } from "./directory.js";
import { followLink } from "./subject.js";
import { moment, shown } from "./text.js";

const MOST = 500;
const SOURCES = { set_consent: "the consent operation", event: "an event" };

export function consentsTab() {
  const consents = el("div", {});
  const unsubscribes = el("div", {});
  const load = coalesced(async () => {
    const [changes, addresses] = await Promise.all([
      read("/consents", { limit: MOST }),
      read("/unsubscribes", { limit: MOST }),
    ]);
    const rows = changes.consents.map(({ user_id: user, value, changed_at: changed, source }) => [
      followLink("user", user),
      value ? "given" : "withdrawn",
      moment(changed),
      SOURCES[source] ?? source,
    ]);
    fill(
      consents,
      rows.length > 0
        ? table("Consents", ["User", "Consent", "Since", "Told by"], rows)
        : el("p", { class: "empty" }, "No user has decided yet."),
    );
    const gone = addresses.unsubscribes.map(({ email, at }) => [shown(email, { limit: 120 }), moment(at)]);
    fill(
      unsubscribes,
      gone.length > 0
        ? table("Unsubscribed addresses", ["Address", "Since"], gone)
        : el("p", { class: "empty" }, "No address was unsubscribed."),
    );
  });
  return {
    name: "consents",
    title: "Consents & unsubscribes",
    content: [
      el(
        "div",
        { class: "halves" },
        el("section", { "aria-labelledby": "told-consents" }, el("h3", { id: "told-consents" }, "Consents"), consents),
        el(
          "section",
          { "aria-labelledby": "told-unsubscribes" },
          el("h3", { id: "told-unsubscribes" }, "Unsubscribed addresses"),
          unsubscribes,
        ),
      ),
    ],
    show: load,
    changed: () => {
      if (!consents.contains(document.activeElement)) load();
    },
  };
}
