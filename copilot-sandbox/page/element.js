// Builds elements. Text becomes text nodes and nothing else: what a client sent can never become markup, since no
// module of this page assigns HTML, and the attributes that could run something are refused here.

const RUNNABLE = /^(?:on|src|style$|action$|formaction$|xlink)/i;
const SVG = "http://www.w3.org/2000/svg";

function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (RUNNABLE.test(name) || (name === "href" && !/^[#/](?!\/)/.test(value))) {
      throw new Error(`the attribute ${name} is not set here`);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
}

/** An HTML element; children are nodes or text, and what is null or false is left out. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  element.append(...present(children));
  return element;
}

/** An SVG element. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

/** Replaces what is inside of an element. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
}

function present(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Sets the text only where it changed, so that a selection survives. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function button(label, press, attributes = {}) {
  return el("button", { type: "button", on: { click: press }, ...attributes }, label);
}

let fields = 0;

/** A control with its label, and a hint that describes it. */
export function field(label, control, hint) {
  const id = `field-${(fields += 1)}`;
  control.id = id;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return el(
    "div",
    { class: "field" },
    el("label", { for: id }, label),
    control,
    hint && el("p", { class: "hint", id: `${id}-hint` }, hint),
  );
}

export function select(choices, attributes = {}) {
  const options = choices.map(([value, label]) => el("option", { value }, label));
  return el("select", attributes, options);
}

/** Text for those who hear the page, not for those who see it. */
export function spoken(text) {
  return el("span", { class: "spoken" }, text);
}

const SHAPES = {
  accepted: [
    "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 1.4a5.6 5.6 0 1 1 0 11.2A5.6 5.6 0 0 1 8 2.4Z",
    "m4.7 8.2 2.3 2.3 4.3-4.7-1-1-3.3 3.6-1.3-1.2Z",
  ],
  rejected: [
    "M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1Zm.2 3.3 2.7 2.7 2.7-2.7 1 1L9 8l2.7 2.7-1 1L8 9l-2.7 2.7-1-1L7 8 4.3 5.3Z",
  ],
  missing: ["M2 7.2h12v1.6H2Z"],
  fault: ["M8 1.2 15.4 14H.6ZM7.2 6v4h1.6V6Zm0 5.2v1.6h1.6v-1.6Z"],
  chevron: ["m5.6 3 5 5-5 5-1.1-1.1L8.4 8 4.5 4.1Z"],
};

/** An icon that only repeats what stands beside it. */
export function icon(name) {
  const paths = SHAPES[name].map((d) => svg("path", { d, "fill-rule": "evenodd" }));
  return svg(
    "svg",
    { class: `icon icon-${name}`, viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" },
    ...paths,
  );
}

/** Says something to those who hear the page, and shows it for a moment. */
export function announce(text) {
  const region = document.getElementById("announcements");
  const line = el("p", {}, text);
  region.replaceChildren(line);
  setTimeout(() => line.remove(), 6000);
}

/** A button that copies a text. */
export function copyButton(text, what) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "function" ? text() : text);
      announce(`Copied: ${what}`);
    } catch {
      announce("The browser did not allow copying");
    }
  };
  return button("Copy", copy, { class: "quiet", "aria-label": `Copy ${what}` });
}
