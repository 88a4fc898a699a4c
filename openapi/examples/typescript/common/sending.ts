// Sends one request, and waits for the whole answer.

import { request as plain, type IncomingMessage } from "node:http";
import { request as encrypted } from "node:https";

import { UnreadableAnswer } from "./answers.js";
import { isLoopback } from "./endpoints.js";

/**
 * No answer came, or not all of one that is no success: what became of the request is not known, and events may have
 * been taken. Holds no part of what was sent or received.
 */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/** A request, without where it goes. */
interface Sent {
  method: string;
  headers: Headers;
  body: string;
  signal: AbortSignal;
}

const WORDS = new Map([
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "connection closed"],
  ["ENOTFOUND", "host not found"],
]);

/** Why there is none. The errors of Node.js are not handed on: some of them hold what was received. */
function why(error: unknown, { aborted }: AbortSignal, timeoutMs: number): string {
  if (aborted) {
    return `none within ${String(timeoutMs)} ms`;
  }
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
  return code === undefined ? "the request failed" : (WORDS.get(code) ?? code);
}

/**
 * A fetch whose requests all go to the endpoint, whatever address the generated client made from the contract's path.
 * Throws NoAnswer, or UnreadableAnswer where a success breaks off, and nothing else.
 */
export function sender(endpoint: URL, timeoutMs: number): typeof globalThis.fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const { method, headers } = request;
    const body = await request.text();
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      return await sendDirect(endpoint, { method, headers, body, signal });
    } catch (error) {
      throw error instanceof UnreadableAnswer
        ? error
        : new NoAnswer(`no answer from ${endpoint.origin}: ${why(error, signal, timeoutMs)}`);
    }
  };
}

/**
 * Sends with node:http and node:https, which follow no redirect. With NODE_USE_ENV_PROXY set, fetch would send what
 * goes to this machine, the credentials with it, to the proxy of HTTP_PROXY; an agent of its own does not.
 */
function sendDirect(endpoint: URL, { method, headers, body, signal }: Sent): Promise<Response> {
  return new Promise((resolve, reject) => {
    const start = endpoint.protocol === "https:" ? encrypted : plain;
    const agent = isLoopback(endpoint) ? { agent: false } : {};
    start(endpoint, { method, headers: Object.fromEntries(headers), signal, ...agent }, (answer) => {
      resolve(whole(answer));
    })
      .on("error", reject)
      .end(body);
  });
}

async function whole(answer: IncomingMessage): Promise<Response> {
  const { statusCode: status = 0, headersDistinct } = answer;
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(headersDistinct)) {
    values.forEach((value) => {
      headers.append(name, value);
    });
  }
  const parts: Uint8Array[] = [];
  try {
    for await (const part of answer) {
      parts.push(part as Uint8Array);
    }
  } catch (error) {
    if (status >= 200 && status < 300) {
      throw new UnreadableAnswer(status, "not all of it came");
    }
    throw error;
  }
  return new Response(parts.length === 0 ? null : Buffer.concat(parts), { status, headers });
}
