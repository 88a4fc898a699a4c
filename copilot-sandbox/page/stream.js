// Listens to the sandbox's server-sent events and comes back by itself when they stop.

const FIRST_WAIT = 400;
const LONGEST_WAIT = 5000;

function isAnother(before, now) {
  return now.resets !== before.resets || now.newest < before.newest || now.revision < before.revision;
}

/**
 * Calls `changed(statistics, forgotten)` with each change, `forgotten` when what was seen before is gone (a reset or
 * another sandbox on the same port), and `connection("live" | "reconnecting")` when that changes.
 */
export function listen({ changed, connection }) {
  let source = null;
  let wait = FIRST_WAIT;
  let timer = 0;
  let last = null;

  function open() {
    clearTimeout(timer);
    source?.close();
    source = new EventSource("/_sandbox/stream");
    source.addEventListener("open", () => {
      wait = FIRST_WAIT;
      connection("live");
    });
    source.addEventListener("change", (event) => {
      const statistics = JSON.parse(event.data);
      const forgotten = last !== null && isAnother(last, statistics);
      last = statistics;
      changed(statistics, forgotten);
    });
    source.addEventListener("error", () => {
      connection("reconnecting");
      source.close();
      clearTimeout(timer);
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    });
  }

  // A hidden page gives its connection back: browsers allow six to one server, and each open page would hold one.
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) source?.close();
    else open();
  });
  addEventListener("online", open);
  if (!document.hidden) open();
}
