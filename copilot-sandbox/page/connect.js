// What a client has to be told to report to this sandbox.

import { copyButton, el } from "./element.js";

function variables(status) {
  const { client_id: id, client_secret: secret } = status.credentials ?? {};
  return [
    ["COPILOT_CLIENT_ID", id],
    ["COPILOT_CLIENT_SECRET", secret],
    ["COPILOT_CLIENT_COLLECT_ENDPOINT", status.url + status.collect_path],
    ["COPILOT_CLIENT_CONSENT_ENDPOINT", status.url + status.set_consent_path],
  ];
}

/** The environment variables of a client, to read and to copy. */
export function connection(status) {
  const given = variables(status).filter(([, value]) => value !== undefined);
  const text = given.map(([name, value]) => `${name}=${quoted(value)}`).join("\n");
  const lines = given.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  return el(
    "div",
    { class: "connection" },
    el("dl", {}, lines),
    copyButton(text, "the environment variables"),
    status.credentials === null &&
      el("p", { class: "dim" }, "The client id and the secret are those with which the sandbox was started."),
  );
}

/** A value as a POSIX shell takes it. */
export function quoted(value) {
  return /^[\w./:@%+=-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
