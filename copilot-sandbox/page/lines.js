// Lays a JSON document out in lines, and sets each violation beside the line of its place.

import { parse } from "./json.js";

/** `/payload/a~1b` → `["payload", "a/b"]`. */
function names(pointer) {
  return pointer === ""
    ? []
    : pointer
        .slice(1)
        .split("/")
        .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function escaped(name) {
  return String(name).replaceAll("~", "~0").replaceAll("/", "~1");
}

/**
 * Lines of `{ depth, key, value, kind, comma, notes, number }`; `key` and `value` are pieces of the text as it was
 * sent, `kind` is open, close, empty, scalar, deep or missing.
 * `model` is an event that has what this one should have: it tells where a member that is missing would stand.
 */
export function layOut(text, violations = [], model = null) {
  const root = parse(text);
  const plan = placed(root, violations);
  const lines = new Layout(text, plan, model).run(root);
  let number = 0;
  for (const line of lines) {
    if (line.kind !== "missing") number += 1;
    line.number = line.kind === "missing" ? null : number;
  }
  return lines;
}

/** The document with two spaces for each level, and else as it was written. */
export function indented(text) {
  return layOut(text)
    .map(
      ({ depth, key, value, comma }) =>
        `${"  ".repeat(depth)}${key === null ? "" : `${key}: `}${value}${comma ? "," : ""}`,
    )
    .join("\n");
}

function add(map, key, entry) {
  if (!map.has(key)) map.set(key, []);
  map.get(key).push(entry);
}

/** Where each violation belongs: beside a value that is there, or in an object that lacks it. */
function placed(root, violations) {
  const beside = new Map();
  const missing = new Map();
  const named = new Map();
  const inside = (node, name) => {
    if (node.kind !== "object") return node.kind === "array" ? node.items[Number(name)] : undefined;
    // The last one counts if a name stands more than once.
    if (!named.has(node)) named.set(node, new Map(node.members.map((one) => [one.name, one.value])));
    return named.get(node).get(name);
  };
  for (const violation of violations) {
    let node = root;
    let pointer = "";
    let lost = null;
    for (const name of names(violation.pointer)) {
      const next = inside(node, name);
      if (next === undefined) {
        lost = name;
        break;
      }
      node = next;
      pointer += `/${escaped(name)}`;
    }
    // A place below something that has no members, or below what is missing itself, is told at the nearest place.
    if (lost !== null && node.kind === "object") add(missing, pointer, { name: lost, violation });
    else add(beside, pointer, violation);
  }
  return { beside, missing };
}

class Layout {
  constructor(text, plan, model) {
    this.text = text;
    this.plan = plan;
    this.model = model;
    this.lines = [];
  }

  run(root) {
    this.value(root, "", { key: null, depth: 0, comma: false, last: true }, this.model);
    return this.lines;
  }

  push(kind, value, { key, depth, comma }, notes = []) {
    this.lines.push({ kind, value, key, depth, comma, notes });
  }

  slice(node) {
    return this.text.slice(node.start, node.end);
  }

  // `last`: no later member has the same name, so that the notes of the pointer belong here.
  value(node, pointer, place, model) {
    const notes = place.last ? (this.plan.beside.get(pointer) ?? []) : [];
    const missing = place.last ? (this.plan.missing.get(pointer) ?? []) : [];
    if (node.kind === "scalar" || node.kind === "deep") {
      this.push(node.kind, this.slice(node), place, notes);
      return;
    }
    const [open, close] = node.kind === "object" ? "{}" : "[]";
    const count = (node.members ?? node.items).length;
    if (count === 0 && missing.length === 0) {
      this.push("empty", open + close, place, notes);
      return;
    }
    this.push("open", open, { ...place, comma: false }, notes);
    if (node.kind === "object") this.members(node, pointer, place.depth + 1, missing, model);
    else this.items(node, pointer, place.depth + 1);
    this.push("close", close, { ...place, key: null });
  }

  members(node, pointer, depth, missing, model) {
    const lastOf = new Map(node.members.map((one, index) => [one.name, index]));
    const waiting = new Map();
    for (const entry of missing) add(waiting, this.predecessor(node, lastOf, entry.name, model), entry);
    const lack = (after) => {
      for (const { name, violation } of waiting.get(after) ?? []) {
        this.push("missing", "", { key: JSON.stringify(name), depth, comma: false }, [violation]);
      }
    };
    lack(-1);
    node.members.forEach((one, index) => {
      const place = {
        key: this.text.slice(one.start, one.end),
        depth,
        comma: index < node.members.length - 1,
        last: lastOf.get(one.name) === index,
      };
      this.value(one.value, `${pointer}/${escaped(one.name)}`, place, model?.[one.name]);
      lack(index);
    });
  }

  items(node, pointer, depth) {
    node.items.forEach((item, index) => {
      const place = { key: null, depth, comma: index < node.items.length - 1, last: true };
      this.value(item, `${pointer}/${index}`, place, null);
    });
  }

  /** The index of the member after which a missing one would stand: as in the model, else at the end. */
  predecessor(node, lastOf, name, model) {
    const order = model && typeof model === "object" ? Object.keys(model) : [];
    const position = order.indexOf(name);
    if (position === -1) return node.members.length - 1;
    const before = order.slice(0, position).findLast((other) => lastOf.has(other));
    return before === undefined ? -1 : lastOf.get(before);
  }
}
