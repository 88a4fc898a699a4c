// The credentials that Copilot.cx gave you, as the header `Authorization` that every request carries.

export type CredentialRule = "empty" | "colon" | "control-character" | "unicode";

/** Credentials that cannot be right. The message repeats no part of them. */
export class CredentialsRefused extends Error {
  readonly rule: CredentialRule;

  constructor(rule: CredentialRule, message: string) {
    super(message);
    this.name = "CredentialsRefused";
    this.rule = rule;
  }
}

const CONTROL_CHARACTER = /\p{Cc}/u;
/** Half of a pair of UTF-16: UTF-8 has no place for it, and Buffer would write another character. */
const LONE_SURROGATE = /\p{Cs}/u;

/** `Basic ` and the padded base64 of `CLIENT_ID:CLIENT_SECRET` in UTF-8. */
export function authorization(clientId: string, clientSecret: string): string {
  if (clientId === "" || clientSecret === "") {
    throw new CredentialsRefused("empty", "the client id or the client secret is empty");
  }
  for (const [what, text] of [["id", clientId] as const, ["secret", clientSecret] as const]) {
    if (LONE_SURROGATE.test(text)) {
      throw new CredentialsRefused("unicode", `the client ${what} is no valid Unicode`);
    }
    if (CONTROL_CHARACTER.test(text)) {
      throw new CredentialsRefused(
        "control-character",
        `the client ${what} holds a control character, such as a newline at its end`,
      );
    }
  }
  if (clientId.includes(":")) {
    throw new CredentialsRefused("colon", "the client id holds a colon, where HTTP Basic would cut it off");
  }
  return `Basic ${Buffer.from(`${clientId}:${clientSecret}`, "utf8").toString("base64")}`;
}
