// Shows what the relay says of itself, and asks again every two seconds.

const EVERY_MS = 2000;
// What went in and out is measured over so many answers, which is half a minute.
const MEASURED = 15;

const element = (id) => document.getElementById(id);
const numbers = new Intl.NumberFormat("en");
const show = (id, text) => { if (element(id).textContent !== text) element(id).textContent = text; };
const samples = [];

function age(seconds) {
  if (seconds === null) return "–";
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

function rate(name) {
  const [first, last] = [samples[0], samples.at(-1)];
  const seconds = (last.at - first.at) / 1000;
  if (seconds < 1) return "–";
  return `${numbers.format(Math.round(10 * Math.max(0, last.outbox[name] - first.outbox[name]) / seconds) / 10)} / s`;
}

function health({ health, events_paused, consent_paused }) {
  const words = {
    ready: "Items are delivered",
    degraded: "Items are delivered, with trouble",
    stuck: stuck(events_paused, consent_paused),
  };
  const why = health.why ?? "";
  const reasons = [why, ...[events_paused, consent_paused].filter((reason) => reason && !why.includes(reason))];
  element("health").dataset.status = health.status;
  show("health", [words[health.status] ?? health.status, reasons.filter(Boolean).join("; ")].filter(Boolean).join(": "));
}

// What waits for somebody: the other kind goes on.
function stuck(events_paused, consent_paused) {
  if (events_paused && !consent_paused) return "No event is delivered until somebody acts; consent is";
  if (consent_paused && !events_paused) return "No change of consent is delivered until somebody acts; events are";
  return "Nothing is delivered until somebody acts";
}

function line(name, text, kind = "p") {
  const made = document.createElement(kind);
  made.className = name;
  made.textContent = text;
  return made;
}

function rejection({ since, outcome, by, type, words }) {
  const item = document.createElement("li");
  const when = line("", new Date(since).toLocaleString("en"), "time");
  when.dateTime = new Date(since).toISOString();
  const who = by === "server" ? " by Copilot.cx" : by === "contract" ? " by the contract" : "";
  item.append(when, line("about", `${type}: ${outcome}${who}`), ...words.map((text) => line("words", text)));
  return item;
}

let shown = "";
function rejections(list) {
  const text = JSON.stringify(list);
  if (text === shown) return;
  shown = text;
  const items = list.length > 0 ? list.map(rejection) : [line("about", "Nothing so far.", "li")];
  element("rejections").replaceChildren(...items);
}

function showAll(status) {
  const { outbox } = status;
  samples.push({ at: Date.now(), outbox });
  if (samples.length > MEASURED) samples.shift();
  health(status);
  show("place", `${status.place} · version ${status.version}`);
  show("pending", numbers.format(outbox.pending));
  show("oldest", age(status.oldest_seconds));
  show("lanes", `${outbox.lanes} of 32`);
  show("in-flight", numbers.format(status.in_flight));
  show("taken-rate", rate("taken"));
  show("accepted-rate", rate("accepted"));
  for (const name of ["accepted", "rejected", "unattributed", "expired", "forgotten"]) show(name, numbers.format(outbox[name]));
  show("dead-letters", numbers.format(outbox.dead_letters));
  for (const name of ["stored", "refused", "unavailable"]) show(name, numbers.format(status[name]));
  rejections(status.rejections);
}

async function ask() {
  try {
    const answer = await fetch("/_relay/status", { cache: "no-store" });
    if (!answer.ok) throw new Error((await answer.json()).error_message);
    showAll(await answer.json());
  } catch (error) {
    element("health").dataset.status = "gone";
    show("health", `The relay does not say how it is: ${error.message}`);
  }
  setTimeout(ask, EVERY_MS);
}

ask();
