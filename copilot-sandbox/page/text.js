// Shows text that a client sent: characters that hide, reorder or break what stands around them are written out as
// their numbers, and what is long is cut until one asks for all of it.

import { button, el } from "./element.js";

// Control, format, private, unassigned and ignorable characters, halves of surrogate pairs, separators, spaces that
// are not the space, and what piles up on a letter beyond three marks.
const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}|(?<=\p{M}{3})\p{M}/gu;

// A text of nothing but hidden characters must not become a million elements.
const MARKED_MOST = 500;

const NUMBER = new Intl.NumberFormat("en");

export function count(number) {
  return NUMBER.format(number);
}

export function counted(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

function codePoint(character) {
  return character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
}

/** As a JSON string would write it. */
function jsonEscape(character) {
  return [...Array(character.length).keys()]
    .map((unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, "0")}`)
    .join("");
}

/** A JSON document in which hidden characters are written as escapes: it means the same. */
export function withoutHidden(json) {
  return json.replace(HIDDEN, (character) => (character === "\n" ? character : jsonEscape(character)));
}

/** As a person would name it. */
function unicodeName(character) {
  return `⟨U+${codePoint(character)}⟩`;
}

function nodes(text, escape) {
  const parts = [];
  let plain = "";
  let from = 0;
  let marked = 0;
  for (const match of text.matchAll(HIDDEN)) {
    plain += text.slice(from, match.index);
    from = match.index + match[0].length;
    if (marked < MARKED_MOST) {
      marked += 1;
      parts.push(
        plain,
        el("span", { class: "escape", title: `the character U+${codePoint(match[0])}` }, escape(match[0])),
      );
      plain = "";
    } else {
      plain += escape(match[0]);
    }
  }
  return [...parts, plain + text.slice(from)].filter((part) => part !== "");
}

/** The text with hidden characters written out, as plain text for titles and labels. */
export function plainly(text, limit = 120) {
  return cut(text, limit).replace(HIDDEN, unicodeName) + (text.length > limit ? "…" : "");
}

function cut(text, limit) {
  if (text.length <= limit) return text;
  const splitsPair = /[\uD800-\uDBFF]/.test(text[limit - 1]);
  return text.slice(0, splitsPair ? limit - 1 : limit);
}

/**
 * An element with the text. What is longer than `limit` is cut; with `whole`, a button shows the rest.
 * `json`: the text is part of a JSON document, and hidden characters are written in its way.
 */
export function shown(text, { limit = 160, whole = false, json = false, name = "span", className = "value" } = {}) {
  const escape = json ? jsonEscape : unicodeName;
  const element = el(name, { class: className });
  if (text === "" && !json) element.append(el("span", { class: "escape" }, "(empty)"));
  if (text.length <= limit) {
    element.append(...nodes(text, escape));
    return element;
  }
  element.append(...nodes(cut(text, limit), escape), "…");
  const length = counted(text.length, "character");
  if (!whole) {
    element.append(el("span", { class: "length" }, ` ${length}`));
    return element;
  }
  const showAll = () => {
    element.replaceChildren(...nodes(text, escape));
    element.tabIndex = -1;
    element.focus({ preventScroll: true });
  };
  element.append(" ", button(`show all ${length}`, showAll, { class: "quiet more" }));
  return element;
}

/** A message of the contract: what stands between backticks is set as code. */
export function words(message, limit) {
  const parts = cut(message, limit).split("`");
  const isWhole = parts.length % 2 === 1;
  const pieces = parts.map((part, index) =>
    isWhole && index % 2 === 1
      ? el("code", {}, nodes(part, unicodeName))
      : nodes(isWhole || index === 0 ? part : `\`${part}`, unicodeName),
  );
  return el("span", { class: "message" }, pieces, message.length > limit && "…");
}

/** Whether a number is likely to be milliseconds since 1970: it lies between 2001 and 2100 then. */
export function isTime(number) {
  return number >= 1_000_000_000_000 && number <= 4_102_444_800_000;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});
const SHORT_CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** A moment in the reader's own time zone, with the day unless it is today, and the year unless it is this one. */
export function moment(iso, { exact = false } = {}) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return el("span", {}, plainly(String(iso)));
  const now = new Date();
  const isToday = date.toDateString() === now.toDateString();
  const isThisYear = date.getFullYear() === now.getFullYear();
  const day = isToday ? "" : `${(isThisYear ? DAY : DATE).format(date)} `;
  return el("time", { datetime: iso, title: iso }, `${day}${(exact ? CLOCK : SHORT_CLOCK).format(date)}`);
}
