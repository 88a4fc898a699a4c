// The addresses that requests go to. Each carries the credentials, so it has to be one that keeps them secret.

export type EndpointRule = "absolute" | "user-info" | "https";

/** An address that is not to be used. The message repeats no part of it. */
export class EndpointRefused extends Error {
  readonly rule: EndpointRule;

  constructor(rule: EndpointRule, message: string) {
    super(message);
    this.name = "EndpointRefused";
    this.rule = rule;
  }
}

/** Whether the host is this machine: 127.x.x.x, ::1 or localhost. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(hostname);
}

/** The address, judged. `name` is what the message calls it. */
export function endpoint(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw new EndpointRefused("absolute", `${name} is no absolute http(s) URL`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new EndpointRefused("user-info", `${name} holds credentials: give them as client id and secret`);
  }
  if (url.protocol === "http:" && !isLoopback(url)) {
    throw new EndpointRefused("https", `${name} must be https: its requests carry the credentials`);
  }
  return url;
}
