// The credentials that Copilot.cx gave you, as the header `Authorization` that every request carries.

export type CredentialRule = "empty" | "colon" | "control-character";

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

/** `Basic ` and the padded base64 of `CLIENT_ID:CLIENT_SECRET` in UTF-8. */
export function authorization(clientId: string, clientSecret: string): string {
  if (clientId === "" || clientSecret === "") {
    throw new CredentialsRefused("empty", "the client id or the client secret is empty");
  }
  if (CONTROL_CHARACTER.test(clientId + clientSecret)) {
    throw new CredentialsRefused(
      "control-character",
      "the client id or the client secret holds a control character, such as a newline at its end",
    );
  }
  if (clientId.includes(":")) {
    throw new CredentialsRefused("colon", "the client id holds a colon, where HTTP Basic would cut it off");
  }
  return `Basic ${Buffer.from(`${clientId}:${clientSecret}`, "utf8").toString("base64")}`;
}
