// Puts the page together: the tabs, what is said above them, and the stream that keeps all of it up to date.

import { read, write } from "./api.js";
import { connection } from "./connect.js";
import { consentsTab } from "./consents.js";
import { thingsTab, usersTab } from "./directory.js";
import { announce, copyButton, el, fill, setText } from "./element.js";
import { useExamples } from "./eventrow.js";
import { eventsTab } from "./events.js";
import { faultBanner, faultsTab, tell } from "./faults.js";
import { followPanel } from "./follow.js";
import { overview } from "./overview.js";
import { current, hrefOf, onRoute, ownParameters } from "./route.js";
import { sendTab } from "./send.js";
import { listen } from "./stream.js";

const part = (id) => document.getElementById(id);

function section(tab) {
  const heading = el("h2", { id: `${tab.name}-title` }, tab.title);
  const element = el(
    "section",
    { id: `tab-${tab.name}`, class: "tab", "aria-labelledby": heading.id, hidden: true },
    heading,
    tab.content,
  );
  return { ...tab, element };
}

function dialog(id, opener, closer) {
  const element = part(id);
  part(opener).addEventListener("click", () => element.showModal());
  part(closer).addEventListener("click", () => element.close());
  return element;
}

function drawHeader(status) {
  const endpoint = status.url + status.collect_path;
  setText(part("endpoint"), endpoint);
  part("endpoint").after(copyButton(endpoint, "the URL of collect"));
  setText(part("contract"), `contract ${status.contract_version}`);
  part("contract").title = `API ${status.api_version}, sandbox ${status.version}`;
  part("connection-details").append(connection(status));
  dialog("connect", "open-connect", "close-connect");
}

function drawReset() {
  const confirmation = dialog("reset", "open-reset", "cancel-reset");
  part("confirm-reset").addEventListener("click", async () => {
    await tell(() => write("/reset"), "The sandbox has forgotten everything");
    confirmation.close();
  });
}

function navigation(tabs) {
  const links = tabs.map(({ name, title }) => ({ name, link: el("a", {}, title) }));
  fill(
    part("tabs"),
    links.map(({ link }) => el("li", {}, link)),
  );
  // A tab that one comes back to has the filters that it had.
  const last = new Map();
  return (active, parameters) => {
    last.set(active, ownParameters(parameters));
    for (const { name, link } of links) {
      link.setAttribute("href", hrefOf(name, last.get(name)));
      if (name === active) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  };
}

function start(status) {
  useExamples(status.examples);
  drawHeader(status);
  drawReset();
  const counters = overview();
  fill(part("overview"), counters.content);
  const banner = faultBanner(part("fault-banner"), part("fault-words"), part("faults-off"));
  const follow = followPanel(part("follow"));
  const events = eventsTab(status);
  const tabs = [events, usersTab(), thingsTab(), consentsTab(), sendTab(status), faultsTab(status)].map(section);
  part("sections").append(...tabs.map(({ element }) => element));
  const mark = navigation(tabs);
  let statistics = null;

  const route = (to) => {
    const active = tabs.find(({ name }) => name === to.tab);
    for (const { element } of tabs) element.hidden = element !== active.element;
    document.title = `${active.title} – Copilot sandbox`;
    mark(active.name, to.parameters);
    counters.routed();
    part("fault-link").setAttribute("href", hrefOf("faults"));
    active.show(to, statistics);
    follow.routed(to, statistics);
  };

  const pause = part("pause");
  let paused = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    events.list.pause(paused);
    follow.pause(paused);
    announce(paused ? "The lists of events are paused" : "The lists of events go on");
  });

  onRoute(route);
  route(current());
  listen({
    connection(state) {
      const words = { live: "Live", reconnecting: "Reconnecting …" };
      part("live").dataset.state = state;
      setText(part("live-words"), words[state]);
    },
    changed(next, forgotten) {
      statistics = next;
      counters.changed(next);
      banner.changed(next);
      for (const tab of tabs) if (!tab.element.hidden || tab.name === "events") tab.changed(next, forgotten);
      follow.changed(next, forgotten);
      if (forgotten) announce("The sandbox was reset");
    },
  });
}

part("skip").addEventListener("click", (event) => {
  // The fragment of the URL is the state of the page.
  event.preventDefault();
  part("main").focus();
});

async function begin() {
  try {
    start(await read("/status"));
    part("starting").remove();
  } catch (error) {
    part("starting").textContent = `${error.message}. Trying again …`;
    setTimeout(begin, 2000);
    if (error.status === undefined) throw error;
  }
}

begin();
