// A list of events, newest first, that takes in new ones as they arrive and holds a bounded number of rows.

import { coalesced, read } from "./api.js";
import { button, el, fill } from "./element.js";
import { eventRow } from "./eventrow.js";
import { count, counted } from "./text.js";

export class EventList {
  /**
   * `page`: events per request; `most`: rows in the document; `empty()`: what stands there while nothing does;
   * `scroller()`: what scrolls the list, so that the row that one reads stays where it is.
   */
  constructor({ label, page = 60, most = 300, empty, scroller = () => document.scrollingElement }) {
    Object.assign(this, { page, most, empty, scroller });
    this.rows = new Map();
    this.filters = {};
    this.generation = 0;
    // Nothing was asked for yet, which is not the same as nothing being there.
    this.isLoading = true;
    this.problem = null;
    this.shownState = "";
    this.paused = false;
    this.pull = coalesced(() => this.takeNew());
    this.list = el("ol", {
      class: "events",
      role: "list",
      "aria-label": label,
      on: { keydown: (event) => this.step(event) },
    });
    this.newer = button("", () => this.toNewest(), { class: "newer", hidden: true });
    this.older = button("Older events", () => this.loadOlder(), { class: "older", hidden: true });
    this.state = el("div", { class: "list-state" });
    this.element = el("div", { class: "event-list" }, this.newer, heads(), this.list, this.state, this.older);
    this.forget();
  }

  forget() {
    this.rows.clear();
    this.list.replaceChildren();
    // Up to which number events are in the list, or were left out by the filters.
    this.upTo = 0;
    this.newest = 0;
    this.olderBefore = null;
    // Whether the newest rows are there: not so after many older ones pushed them out.
    this.atTop = true;
    this.drawState();
  }

  /** Starts anew with other filters, or with the same after a reset. */
  async show(filters, newest = this.newest) {
    const generation = (this.generation += 1);
    this.filters = filters;
    // After a reset it is less than before.
    this.newest = newest;
    this.isLoading = true;
    this.list.setAttribute("aria-busy", "true");
    const answer = await this.fetch({});
    if (generation !== this.generation) return;
    this.isLoading = false;
    this.list.removeAttribute("aria-busy");
    const latest = this.newest;
    this.forget();
    if (!answer) return;
    this.take(answer.events, newest);
    this.olderBefore = answer.next_before;
    this.refresh(latest);
  }

  fetch(parameters) {
    this.problem = null;
    return read("/events", { ...this.filters, limit: this.page, ...parameters }).catch((error) => {
      this.problem = error.message;
      this.drawState();
      return null;
    });
  }

  /** Takes in what arrived up to the event with the number `newest`. */
  async refresh(newest) {
    this.newest = Math.max(newest, this.newest);
    this.drawState();
    return this.pull();
  }

  async takeNew() {
    if (this.newest <= this.upTo || this.isLoading || this.paused || !this.atTop) return;
    const { generation, newest: target } = this;
    const answer = await this.fetch({ after: this.upTo });
    if (!answer || generation !== this.generation || this.paused) return;
    this.holdingStill(() => {
      // More arrived than a page holds: what lies between is reached by "older".
      if (answer.next_before !== null) {
        this.dropWhere(() => true);
        this.olderBefore = answer.next_before;
      }
      this.take(answer.events, target);
      this.dropOldest();
    });
    this.drawState();
  }

  async loadOlder() {
    const { generation } = this;
    this.dropWhere((sequence) => sequence < this.olderBefore);
    const answer = await this.fetch({ before: this.olderBefore });
    if (!answer || generation !== this.generation) return;
    this.take(answer.events, this.upTo);
    this.olderBefore = answer.next_before;
    const surplus = this.rows.size - this.most;
    if (surplus > 0) {
      const first = [...this.rows.keys()].sort((a, b) => b - a)[surplus];
      this.holdingStill(() => this.dropWhere((sequence) => sequence > first));
      this.atTop = false;
    }
    this.drawState();
    const next = answer.events.map(({ sequence }) => this.rows.get(sequence)).find((row) => row !== undefined);
    next?.querySelector("button").focus({ preventScroll: true });
  }

  pause(paused) {
    this.paused = paused;
    if (paused) this.drawState();
    else this.refresh(this.newest);
  }

  async toNewest() {
    await this.show(this.filters);
    this.list.querySelector("button")?.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: "nearest" });
  }

  take(events, upTo) {
    const isLive = this.upTo > 0;
    for (const event of events) {
      if (this.rows.has(event.sequence)) continue;
      const row = eventRow(event);
      if (isLive && event.sequence > this.upTo && events.length < 20) row.classList.add("new");
      this.rows.set(event.sequence, row);
      this.place(event.sequence, row);
    }
    this.upTo = Math.max(this.upTo, upTo, events[0]?.sequence ?? 0);
  }

  /** Puts a row where its number belongs, without moving the others: a row that moves loses the focus. */
  place(sequence, row) {
    const { lastElementChild: last } = this.list;
    if (!last || Number(last.dataset.sequence) > sequence) {
      this.list.append(row);
      return;
    }
    let after = this.list.firstElementChild;
    while (Number(after.dataset.sequence) > sequence) after = after.nextElementSibling;
    after.before(row);
  }

  /** Rows that are open or have the focus stay: somebody is reading them. */
  dropWhere(condition) {
    for (const [sequence, row] of this.rows) {
      if (!condition(sequence) || row.contains(document.activeElement) || row.classList.contains("open")) continue;
      row.remove();
      this.rows.delete(sequence);
    }
  }

  dropOldest() {
    if (this.rows.size <= this.most) return;
    const boundary = [...this.rows.keys()].sort((a, b) => b - a)[this.most - 1];
    this.dropWhere((sequence) => sequence < boundary);
    this.olderBefore = boundary;
  }

  /** Changes the list so that the row which is being read does not move on the screen. */
  holdingStill(change) {
    const anchor = this.anchor();
    const before = anchor?.getBoundingClientRect().top;
    change();
    if (!anchor?.isConnected) return;
    const moved = anchor.getBoundingClientRect().top - before;
    if (moved !== 0) this.scroller().scrollTop += moved;
  }

  anchor() {
    const focused = document.activeElement?.closest(".event");
    if (focused && this.list.contains(focused) && isOnScreen(focused)) return focused;
    const open = [...this.list.querySelectorAll(".event.open")].find(isOnScreen);
    if (open) return open;
    const isAbove = this.list.getBoundingClientRect().top < 0;
    return isAbove ? [...this.list.children].find((row) => row.getBoundingClientRect().bottom > 0) : null;
  }

  /** The arrow keys step from row to row. */
  step(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (!step || !event.target.matches(".disclose")) return;
    const row = event.target.closest(".event");
    const next = step === 1 ? row.nextElementSibling : row.previousElementSibling;
    if (!next) return;
    event.preventDefault();
    next.querySelector(".disclose").focus();
  }

  drawState() {
    const waiting = Math.max(0, this.newest - this.upTo);
    this.newer.hidden = this.atTop && !(this.paused && waiting > 0);
    const isFiltered = Object.keys(this.filters).length > 0;
    const arrived =
      waiting === 0
        ? ""
        : isFiltered
          ? `${count(waiting)} arrived, before filters: `
          : `${counted(waiting, "newer event")}: `;
    this.newer.textContent = `${arrived}show the newest`;
    // Rows that stayed because somebody reads them, with others in between that are not shown.
    const apart = [...this.rows].filter(([sequence]) => this.olderBefore !== null && sequence < this.olderBefore);
    for (const row of this.rows.values())
      row.classList.toggle(
        "apart",
        apart.some(([, other]) => other === row),
      );
    this.older.hidden = this.olderBefore === null || this.rows.size === 0;
    const state = this.problem ?? (this.rows.size > 0 || this.isLoading ? "" : `empty ${isFiltered}`);
    // Only when it changes: somebody may be at a button in it.
    if (state === this.shownState) return;
    this.shownState = state;
    if (this.problem) fill(this.state, el("p", { class: "problem", role: "alert" }, this.problem));
    else fill(this.state, state === "" ? null : this.empty());
  }
}

/** What the columns are, for those who see them: each row says it for all others. */
function heads() {
  const names = ["Time", "Verdict", "Type", "event_id", "User", "Thing"];
  return el(
    "div",
    { class: "heads", "aria-hidden": "true" },
    names.map((name) => el("span", {}, name)),
  );
}

function isOnScreen(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}
