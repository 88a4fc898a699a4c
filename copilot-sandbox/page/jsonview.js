// Shows a JSON document line by line, with what is wrong right beside the line that it is about.

import { button, el, icon, spoken } from "./element.js";
import { layOut } from "./lines.js";
import { count, counted, isTime, shown, words } from "./text.js";

// What is shown at once; lines with a note are shown beyond that, and buttons show the rest step by step.
const LINES_AT_ONCE = 300;
const NOTED_AT_ONCE = 100;
const LINES_PER_STEP = 1000;
const VALUE_AT_ONCE = 400;
const DEEPEST_INDENT = 24;

/**
 * The document as an element. `text` has to be JSON, else a SyntaxError is thrown.
 * `times`: names of members that are a point in time whatever their value.
 */
export function jsonView(text, { label, violations = [], model = null, times = [] }) {
  const list = el("ol", { class: "lines", role: "list", "aria-label": label });
  show(list, layOut(text, violations, model), times);
  return list;
}

function show(list, lines, times) {
  let noted = 0;
  let folded = [];
  const unfold = () => {
    if (folded.length > 0) list.append(fold(folded, times));
    folded = [];
  };
  lines.forEach((line, index) => {
    if (line.notes.length > 0) noted += 1;
    if (index < LINES_AT_ONCE || (line.notes.length > 0 && noted <= NOTED_AT_ONCE)) {
      unfold();
      list.append(lineElement(line, times));
    } else {
      folded.push(line);
    }
  });
  unfold();
}

/** A line that stands for others until it is pressed. */
function fold(lines, times) {
  const item = el("li", { class: "line fold" });
  const unfold = () => {
    const rest = lines.slice(LINES_PER_STEP);
    const elements = lines.slice(0, LINES_PER_STEP).map((line) => lineElement(line, times));
    item.replaceWith(...elements, ...(rest.length > 0 ? [fold(rest, times)] : []));
    elements[0].tabIndex = -1;
    elements[0].focus({ preventScroll: true });
  };
  const step = Math.min(lines.length, LINES_PER_STEP);
  const label =
    step === lines.length
      ? `show ${counted(step, "more line")}`
      : `show ${count(step)} of ${count(lines.length)} more lines`;
  item.append(button(label, unfold, { class: "quiet more" }));
  return item;
}

function lineElement(line, times) {
  const code = el("code", { class: "code" });
  code.style.setProperty("--depth", Math.min(line.depth, DEEPEST_INDENT));
  if (line.key !== null) code.append(piece(line.key, "key"), line.kind === "missing" ? "" : ": ");
  if (line.value !== "") code.append(piece(line.value, valueClass(line)));
  if (line.comma) code.append(",");
  const time = timeOf(line, times);
  if (time) code.append(el("span", { class: "aside" }, time));
  const bad = line.notes.length > 0;
  const classes = ["line", `line-${line.kind}`, bad && "bad"].filter(Boolean).join(" ");
  return el(
    "li",
    { class: classes, "data-line": line.number },
    el("span", { class: "number", "aria-hidden": "true" }, line.number ?? ""),
    code,
    bad && el("span", { class: "notes" }, line.notes.map(note)),
  );
}

function piece(text, className) {
  return shown(text, { limit: VALUE_AT_ONCE, whole: true, json: true, className });
}

function valueClass({ kind, value }) {
  if (kind !== "scalar") return "bracket";
  if (value.startsWith('"')) return "string";
  return /^[-0-9]/.test(value) ? "number-value" : "literal";
}

function timeOf({ kind, key, value }, times) {
  if (kind !== "scalar" || key === null || !/^-?\d{1,15}$/.test(value)) return null;
  const milliseconds = Number(value);
  return isTime(milliseconds) || times.includes(key.slice(1, -1)) ? new Date(milliseconds).toISOString() : null;
}

/** The reason, the rule and how sure it is. */
export function note({ rule, provenance, message }) {
  return el(
    "span",
    { class: "note" },
    icon(rule === "fault" ? "fault" : "rejected"),
    spoken("Rejected: "),
    words(message, 300),
    el(
      "small",
      { class: "rule" },
      shown(rule, { limit: 60 }),
      provenance ? [" · ", shown(provenance, { limit: 60 })] : null,
    ),
  );
}
