// The tab where one sends an event or a consent by hand, by a real request to the Server API.

import { post } from "./api.js";
import { quoted } from "./connect.js";
import { announce, button, copyButton, el, field, fill, select } from "./element.js";
import { jsonView } from "./jsonview.js";
import { indented } from "./lines.js";
import { onMending } from "./mending.js";
import { MISTAKES, fresh } from "./mistakes.js";
import { adjust, hrefOf, isLinkable } from "./route.js";
import { shown, withoutHidden } from "./text.js";
import { verdict } from "./eventrow.js";

const BODY_SHOWN = 20_000;

export function sendTab(status) {
  const credentials = credentialFields(status);
  const event = eventForm(status, credentials);
  return {
    name: "send",
    title: "Send",
    content: [
      credentials.element,
      el("div", { class: "halves send" }, event.element, consentForm(status, credentials)),
    ],
    show({ parameters }) {
      event.choose(parameters.get("type"));
    },
    changed() {},
  };
}

/** The credentials: the sandbox's own, or what is typed, which is kept in memory only. */
function credentialFields(status) {
  if (status.credentials) return { element: null, read: () => status.credentials };
  const id = el("input", { type: "text", autocomplete: "off", spellcheck: "false" });
  const secret = el("input", { type: "password", autocomplete: "off" });
  const element = el(
    "fieldset",
    { class: "credentials" },
    el("legend", {}, "Credentials"),
    el(
      "p",
      { class: "hint" },
      "Those with which the sandbox was started. They stay in this page and are gone when it is.",
    ),
    el("div", { class: "fields" }, field("Client id", id), field("Client secret", secret)),
  );
  return { element, read: () => ({ client_id: id.value, client_secret: secret.value }) };
}

function eventForm(status, credentials) {
  const type = select(
    status.event_types.map((name) => [name, name]),
    { on: { change: () => adjust({ type: type.value }) } },
  );
  const text = el("textarea", {
    rows: "14",
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    wrap: "off",
  });
  const mistake = select([["", "choose …"], ...MISTAKES.map(({ name, label }) => [name, label])], {
    on: { change: () => spoil() },
  });
  const answer = answerBox();
  let chosen = null;

  function startOver() {
    text.value = JSON.stringify(fresh(status.examples[type.value]), null, 2);
    offer();
  }

  function current() {
    try {
      const value = JSON.parse(text.value);
      return value !== null && typeof value === "object" && !Array.isArray(value) ? value : null;
    } catch {
      return null;
    }
  }

  /** Which mistakes can be made with what stands in the text. */
  function offer() {
    const event = current();
    mistake.value = "";
    mistake.disabled = event === null;
    for (const { name, applies } of MISTAKES) {
      mistake.querySelector(`[value="${name}"]`).disabled =
        event === null || (applies !== undefined && !applies(event));
    }
  }

  function spoil() {
    const wanted = MISTAKES.find(({ name }) => name === mistake.value);
    const event = current();
    if (!wanted || !event) return;
    text.value = JSON.stringify(wanted.make(event), null, 2);
    offer();
    announce(`Made wrong: ${wanted.label}`);
  }

  async function send(submitted) {
    submitted.preventDefault();
    // As it stands there, right or wrong: it is the sandbox that judges.
    const body = `{"events":[${text.value}]}`;
    answer.wait();
    const result = await post(status.collect_path, body, credentials.read());
    answer.show(result, { path: status.collect_path, body, status, eventId: current()?.event_id });
  }

  text.addEventListener("input", offer);
  onMending((given) => {
    text.value = withoutHidden(indented(given));
    const name = current()?.type;
    if (status.event_types.includes(name)) type.value = name;
    chosen = type.value;
    answer.clear();
    offer();
  });

  const form = el(
    "form",
    { "aria-labelledby": "send-event-title", on: { submit: send } },
    el("h3", { id: "send-event-title" }, "An event"),
    el("div", { class: "fields" }, field("Type", type), field("Make it wrong", mistake)),
    field("The event as JSON", text, "Sent as it stands here, as the only event of a request."),
    el(
      "div",
      { class: "actions" },
      el("button", { type: "submit", class: "primary" }, "Send event"),
      button("Start over", startOver),
    ),
    answer.element,
  );

  return {
    element: form,
    /** Fills in the example of a type; what was typed stays while the type does. */
    choose(wanted) {
      const next = status.event_types.includes(wanted) ? wanted : (chosen ?? status.event_types[0]);
      if (next === chosen) return;
      chosen = next;
      type.value = next;
      startOver();
    },
  };
}

function consentForm(status, credentials) {
  const user = el("input", { type: "text", autocomplete: "off", spellcheck: "false", autocapitalize: "off" });
  const value = select([
    ["true", "true: may be processed"],
    ["false", "false: may not"],
  ]);
  const answer = answerBox();
  async function send(submitted) {
    submitted.preventDefault();
    const body = JSON.stringify({ user_id: user.value, consent_value: value.value === "true" });
    answer.wait();
    answer.show(await post(status.set_consent_path, body, credentials.read()), {
      path: status.set_consent_path,
      body,
      status,
    });
  }
  return el(
    "form",
    { "aria-labelledby": "send-consent-title", on: { submit: send } },
    el("h3", { id: "send-consent-title" }, "A consent"),
    field("user_id", user),
    field("consent_value", value),
    el("div", { class: "actions" }, el("button", { type: "submit", class: "primary" }, "Report consent")),
    answer.element,
  );
}

function answerBox() {
  const element = el("div", { class: "answer", role: "status" });
  return {
    element,
    clear: () => fill(element),
    wait: () => fill(element, el("p", { class: "dim" }, "Waiting for the answer …")),
    show(result, sent) {
      fill(element, ...(result.broken ? broken(result) : answered(result, sent)));
      element.scrollIntoView({ block: "nearest" });
    },
  };
}

function broken({ milliseconds }) {
  return [
    el(
      "p",
      { class: "status-line" },
      el("strong", { class: "rejected" }, "No answer"),
      el("span", { class: "dim" }, ` after ${milliseconds} ms`),
    ),
    el("p", {}, "The connection broke. Whether anything was taken is not known: the list of events tells."),
  ];
}

function answered(result, { path, body, status, eventId }) {
  const { status: code, statusText, text, headers, milliseconds } = result;
  const retry = headers.get("retry-after");
  const type = headers.get("content-type") ?? "no Content-Type";
  return [
    el(
      "p",
      { class: "status-line" },
      el("strong", { class: code < 300 ? "accepted" : "rejected" }, `${code} ${statusText}`.trim()),
      el(
        "span",
        { class: "dim" },
        ` after ${milliseconds} ms, `,
        shown(type, { limit: 80 }),
        retry !== null && [", Retry-After: ", shown(retry, { limit: 80 })],
      ),
    ),
    code === 200 && path === status.collect_path && outcome(text, eventId),
    bodyView(text),
    curl(path, body, status),
  ];
}

/** What the answer means for the event. */
function outcome(text, eventId) {
  let invalid;
  try {
    invalid = JSON.parse(text).invalid_events ?? [];
  } catch {
    return el("p", {}, "The answer is not JSON: a client must treat the events as possibly taken.");
  }
  const link =
    typeof eventId === "string" && eventId !== "" && isLinkable(eventId)
      ? el("a", { href: hrefOf("events", { event_id: eventId }) }, "Show it in the list")
      : null;
  const isRejected = Array.isArray(invalid) && invalid.length > 0;
  return el(
    "p",
    { class: "outcome" },
    verdict(isRejected ? "rejected" : "accepted"),
    isRejected && [" ", shown(String(invalid[0]?.error ?? ""), { limit: 400 })],
    " ",
    link,
  );
}

function bodyView(text) {
  if (text === "") return el("p", { class: "dim" }, "The body is empty.");
  if (text.length <= BODY_SHOWN) {
    try {
      return jsonView(text, { label: "Body of the answer" });
    } catch {
      // Not JSON: shown as it is.
    }
  }
  return el(
    "pre",
    { class: "raw", tabindex: "0", role: "region", "aria-label": "Body of the answer" },
    shown(text, { limit: 2000, whole: true }),
  );
}

function curl(path, body, status) {
  const command = [
    `curl -i ${quoted(status.url + path)}`,
    '-u "$COPILOT_CLIENT_ID:$COPILOT_CLIENT_SECRET"',
    "-H 'Content-Type: application/json'",
    `--data-raw ${quoted(body)}`,
  ].join(" \\\n  ");
  return el(
    "details",
    { class: "curl" },
    el("summary", {}, "The same with curl"),
    el(
      "pre",
      { class: "raw", tabindex: "0", role: "region", "aria-label": "curl command" },
      shown(command, { limit: 2000 }),
    ),
    copyButton(command, "the curl command"),
  );
}
