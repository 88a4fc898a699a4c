// Bodies that are not sent.

/** A body that is not sent. The message names the place, and repeats nothing that stands there. */
export class BodyRefused extends Error {
  /** Where, as a JSON pointer into the body of the request. */
  readonly pointer: string;

  constructor(pointer: string, message: string) {
    super(`${pointer}: ${message}`);
    this.name = "BodyRefused";
    this.pointer = pointer;
  }
}

/**
 * JSON in UTF-8 has no place for half of a surrogate pair. JSON.stringify would write it as an escape, which readers
 * replace, or refuse with the whole request.
 */
const LONE_SURROGATE = /\p{Cs}/u;

/** The names and indices that lead to a place, as a JSON pointer. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((name) => `/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** Throws BodyRefused at the first text in the value, names of members included, that is no valid Unicode. */
export function refuseInvalidUnicode(value: unknown, path: readonly string[] = []): void {
  if (typeof value === "string" && LONE_SURROGATE.test(value)) {
    throw new BodyRefused(pointerOf(path), "no valid Unicode");
  }
  if (typeof value !== "object" || value === null) {
    return;
  }
  for (const [name, inner] of Object.entries(value)) {
    if (LONE_SURROGATE.test(name)) {
      throw new BodyRefused(pointerOf(path), "the name of a member is no valid Unicode");
    }
    refuseInvalidUnicode(inner, [...path, name]);
  }
}
