// Reads JSON without losing how it was written: `5.0` stays `5.0`, a name that stands twice is there twice, and large
// integers keep their digits. Needed because the page shows what was sent, not what JavaScript makes of it.

// Beyond this depth a value is kept as one piece of text.
const DEEPEST = 60;
const SCALAR = /[^,\]}\s]*/y;
const SPACE = /\s*/y;

/**
 * A tree of `{ kind: "object" | "array" | "scalar" | "deep", start, end }`; an object has `members` of
 * `{ name, start, end, value }`, an array has `items`. Throws a SyntaxError when the text is not JSON.
 */
export function parse(text) {
  JSON.parse(text);
  return new Reader(text).value(0);
}

/** The text of a member of the outermost object, as it was written; undefined if there is none. */
export function memberText(text, name) {
  return new Reader(text).memberText(name);
}

// The text is known to be JSON here, so that nothing has to be checked again.
class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  skipSpace() {
    SPACE.lastIndex = this.at;
    this.at += SPACE.exec(this.text)[0].length;
  }

  value(depth) {
    this.skipSpace();
    const start = this.at;
    const first = this.text[start];
    if (first === "{" || first === "[") {
      if (depth === DEEPEST) {
        this.skipNested();
        return { kind: "deep", start, end: this.at };
      }
      return first === "{" ? this.object(depth) : this.array(depth);
    }
    if (first === '"') {
      this.skipString();
    } else {
      SCALAR.lastIndex = start;
      this.at += SCALAR.exec(this.text)[0].length;
    }
    return { kind: "scalar", start, end: this.at };
  }

  object(depth) {
    const node = { kind: "object", start: this.at, end: 0, members: [] };
    this.at += 1;
    this.skipSpace();
    while (this.text[this.at] !== "}") {
      const start = this.at;
      this.skipString();
      const end = this.at;
      this.skipSpace();
      this.at += 1; // the colon
      const value = this.value(depth + 1);
      node.members.push({ name: JSON.parse(this.text.slice(start, end)), start, end, value });
      this.skipComma();
    }
    this.at += 1;
    node.end = this.at;
    return node;
  }

  memberText(name) {
    this.skipSpace();
    this.at += 1;
    this.skipSpace();
    while (this.text[this.at] === '"') {
      const key = this.at;
      this.skipString();
      const isWanted = JSON.parse(this.text.slice(key, this.at)) === name;
      this.skipSpace();
      this.at += 1; // the colon
      // No deeper: what is not asked for may be large.
      const { start, end } = this.value(DEEPEST);
      if (isWanted) return this.text.slice(start, end);
      this.skipComma();
    }
    return undefined;
  }

  array(depth) {
    const node = { kind: "array", start: this.at, end: 0, items: [] };
    this.at += 1;
    this.skipSpace();
    while (this.text[this.at] !== "]") {
      node.items.push(this.value(depth + 1));
      this.skipComma();
    }
    this.at += 1;
    node.end = this.at;
    return node;
  }

  skipComma() {
    this.skipSpace();
    if (this.text[this.at] === ",") this.at += 1;
    this.skipSpace();
  }

  skipString() {
    let end = this.at;
    do {
      end = this.text.indexOf('"', end + 1);
    } while (this.isEscaped(end));
    this.at = end + 1;
  }

  isEscaped(quote) {
    let backslashes = 0;
    while (this.text[quote - 1 - backslashes] === "\\") backslashes += 1;
    return backslashes % 2 === 1;
  }

  skipNested() {
    let open = 0;
    do {
      const character = this.text[this.at];
      if (character === '"') {
        this.skipString();
        continue;
      }
      if (character === "{" || character === "[") open += 1;
      if (character === "}" || character === "]") open -= 1;
      this.at += 1;
    } while (open > 0);
  }
}
