// Hands an event that arrived over to the tab where one sends.

import { go, hrefOf } from "./route.js";

let receive = () => {};

export function onMending(listener) {
  receive = listener;
}

/** Opens the tab with the text of this event. */
export function mend(text) {
  receive(text);
  go(hrefOf("send"));
}
