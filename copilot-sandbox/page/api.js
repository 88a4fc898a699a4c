// Speaks with the control API of the sandbox, and with the Server API itself for what one sends by hand.

const CONTROL = "/_sandbox";

/** The control API rejected a request, or did not answer. */
export class ControlError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(CONTROL + path, { cache: "no-store", credentials: "omit", ...options });
  } catch {
    throw new ControlError("The sandbox does not answer", 0);
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new ControlError(problem.error_message || problem.reason || `Status ${response.status}`, response.status);
}

export async function read(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== null && value !== ""));
  const separator = query.size > 0 ? "?" : "";
  const response = await request(`${path}${separator}${query}`);
  return response.json();
}

/** The answer's text: what JSON.parse loses (`5.0`, repeated names, large integers) is still there. */
export async function readText(path) {
  const response = await request(path);
  return response.text();
}

export async function write(path, body) {
  const response = await request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return response.status === 204 ? null : response.json();
}

export async function remove(path) {
  await request(path, { method: "DELETE" });
}

export async function find(path) {
  try {
    return await read(path);
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

function basic({ client_id: id, client_secret: secret }) {
  const bytes = new TextEncoder().encode(`${id}:${secret}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/** Posts to the Server API as a client would: `{ status, statusText, headers, text, milliseconds }`, or `{ broken }`. */
export async function post(path, body, credentials) {
  const started = performance.now();
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { Authorization: basic(credentials), "Content-Type": "application/json" },
      body,
      cache: "no-store",
      // Else a 401 would make the browser ask for a password.
      credentials: "omit",
    });
    const { status, statusText, headers } = response;
    const text = await response.text();
    return { status, statusText, headers, text, milliseconds: Math.round(performance.now() - started) };
  } catch {
    return { broken: true, milliseconds: Math.round(performance.now() - started) };
  }
}

/** Runs `work` at most once at a time; what is asked for meanwhile happens once more, afterwards. */
export function coalesced(work) {
  let running = false;
  let again = false;
  return async function run() {
    again = running;
    if (running) return;
    running = true;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
    } finally {
      running = false;
    }
    if (again) run();
  };
}
