// The tab of faults: what goes wrong on purpose, and a form to switch more of it on.

import { ControlError, coalesced, read, remove, write } from "./api.js";
import { announce, button, el, fill } from "./element.js";
import { describe, faultForm } from "./faultform.js";
import { count, shown } from "./text.js";

export function faultsTab(status) {
  const list = el("div", {});
  const load = coalesced(async () => {
    const { faults } = await read("/faults");
    const rows = faults.map((fault) => faultItem(fault, () => switchOff(fault)));
    fill(
      list,
      rows.length > 0
        ? el("ul", { class: "faults", role: "list" }, rows)
        : el("p", { class: "empty" }, "None. Every request is answered as the contract says."),
    );
  });

  async function switchOff(fault) {
    await tell(() => remove(`/faults/${encodeURIComponent(fault.id)}`), "The fault is switched off");
    await load();
    heading.focus();
  }

  async function add(fault) {
    const { id } = await write("/faults", fault);
    announce(`Fault ${id} is switched on`);
    await load();
  }

  const heading = el("h3", { tabindex: "-1", id: "active-faults" }, "Switched on");
  return {
    name: "faults",
    title: "Faults",
    content: [
      el("p", { class: "lead" }, "Make the sandbox fail, and see what your client does about it."),
      el(
        "div",
        { class: "halves faults-page" },
        faultForm(status.event_types, add),
        el("section", { "aria-labelledby": "active-faults" }, heading, list),
      ),
    ],
    show: load,
    changed: () => {
      if (!list.contains(document.activeElement)) load();
    },
  };
}

/** Runs a change and says how it went. */
export async function tell(change, words) {
  try {
    await change();
    announce(words);
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    announce(error.message);
  }
}

/** The banner that stands on every tab while a fault is switched on. */
export function faultBanner(element, words, off) {
  off.addEventListener("click", () => tell(() => remove("/faults"), "All faults are switched off"));
  return {
    changed({ faults }) {
      element.hidden = faults === 0;
      words.textContent =
        faults === 1
          ? "A fault is switched on: some answers are wrong on purpose."
          : `${count(faults)} faults are switched on: some answers are wrong on purpose.`;
    },
  };
}

function faultItem(fault, off) {
  return el(
    "li",
    {},
    el(
      "div",
      {},
      el("p", { class: "fault-name" }, shown(describe(fault.fault), { limit: 300 })),
      el("p", { class: "dim" }, scope(fault)),
    ),
    el("p", { class: "fired" }, el("strong", {}, count(fault.fired)), " fired"),
    button("Switch off", off, { "aria-label": `Switch off fault ${fault.id}` }),
  );
}

const OPERATIONS = { collect: "collect", set_consent: "consent" };

function scope({ operation, next, share = 1 }) {
  const requests =
    operation === undefined || operation === null ? "requests" : `${OPERATIONS[operation] ?? operation} requests`;
  const which = share < 1 ? `${Math.round(share * 1000) / 10} % of ${requests}` : `all ${requests}`;
  const until = next === undefined || next === null ? "until switched off" : `${count(next)} left`;
  return `${which}, ${until}`;
}
