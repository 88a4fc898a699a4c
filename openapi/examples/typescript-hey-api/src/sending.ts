// Sends one request, and waits for the whole answer.

/**
 * No answer came, or not all of it: what became of the request is not known, and events may have been taken. Holds no
 * part of what was sent or received.
 */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

const WORDS = new Map([
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "connection closed"],
  ["UND_ERR_SOCKET", "connection closed"],
  ["ENOTFOUND", "host not found"],
]);

/** Why there is none. The errors of fetch are not handed on: some of them hold what was received. */
function why(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === "TimeoutError") {
    return `none within ${String(timeoutMs)} ms`;
  }
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
  return code === undefined ? "the request failed" : (WORDS.get(code) ?? code);
}

/**
 * A fetch whose requests all go to the endpoint, whatever address the generated client made from the contract's path.
 * Follows no redirect, which would carry the credentials on. Throws NoAnswer and nothing else.
 */
export function sender(endpoint: URL, timeoutMs: number, fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const { method, headers } = request;
    const body = await request.text();
    try {
      // The signal goes to fetch itself. That of a Request made from another Request stops working once the garbage
      // collector has taken the first one.
      const signal = AbortSignal.timeout(timeoutMs);
      const response = await fetch(endpoint, { method, headers, body, redirect: "manual", signal });
      const text = await response.text();
      return new Response(text === "" ? null : text, { status: response.status, headers: response.headers });
    } catch (error) {
      throw new NoAnswer(`no answer from ${endpoint.origin}: ${why(error, timeoutMs)}`);
    }
  };
}
