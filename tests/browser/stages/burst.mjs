// Twenty thousand events in one go, while the list is open.

const EVENTS = 20_000;
const PER_REQUEST = 500;
const AT_ONCE = 2;

export async function burst({ report, sandbox, tab }) {
  const { page } = tab;
  await sandbox.collect([sandbox.example("thing_connected", { event_id: "read-meanwhile" })]);
  const reading = tab.row("read-meanwhile");
  await reading.locator(".disclose").click();
  await reading.locator(".line").first().waitFor();
  await page.evaluate(() => (window.__longest = 0));
  const batches = Array.from({ length: EVENTS / PER_REQUEST }, (_, batch) =>
    Array.from({ length: PER_REQUEST }, (_, index) => {
      const event = sandbox.example("thing_interaction", { event_id: `burst-${batch}-${index}` });
      return index % 10 === 9 ? { ...event, surprise: true } : event;
    }),
  );
  const started = Date.now();
  let most = 0;
  let counting = true;
  const watch = (async () => {
    while (counting) {
      most = Math.max(most, await tab.rows().count());
      await page.waitForTimeout(100);
    }
  })();
  const workers = Array.from({ length: AT_ONCE }, async () => {
    for (let batch = batches.pop(); batch; batch = batches.pop()) await sandbox.collect(batch);
  });
  await Promise.all(workers);
  const sending = Date.now() - started;
  const { newest: last, events } = await sandbox.control("GET", "/statistics");
  await report.eventually(
    "the counters keep up",
    async () => (await page.locator(".counters .accepted dd").textContent()) === events.accepted.toLocaleString("en"),
    3000,
  );
  await report.eventually(
    "the list shows the newest event within 3 s",
    async () => Number(await tab.rows().first().getAttribute("data-sequence")) === last,
    3000,
  );
  counting = false;
  await watch;
  report.equal("all of them were taken", events.accepted + events.rejected, EVENTS + 1);
  report.check("the number of rows stays bounded", most <= 310, `${most} rows`);
  report.check("the row that one reads is still there, open", await reading.locator(".line").first().isVisible());

  const { newest } = await sandbox.control("GET", "/statistics");
  const longest = await page.evaluate(() => window.__longest);
  report.check("the page is never stuck", longest < 2000, `${Math.round(longest)} ms`);
  console.log(
    `   ${EVENTS} events sent in ${sending} ms; longest task ${Math.round(longest)} ms; at most ${most} rows`,
  );

  await reading.locator(".disclose").click();
  await tab.rows().first().locator(".disclose").focus();
  const older = page.getByRole("button", { name: "Older events" });
  await older.scrollIntoViewIfNeeded();
  for (let step = 0; step < 7; step += 1) {
    const last = await tab.rows().last().getAttribute("data-sequence");
    await older.click();
    await page.waitForFunction(
      (sequence) => document.querySelector(".events").lastElementChild.dataset.sequence !== sequence,
      last,
    );
  }
  report.check("one can go back to older ones", (await tab.rows().count()) <= 310, `${await tab.rows().count()} rows`);
  await page.getByRole("button", { name: /show the newest/ }).click();
  await report.eventually(
    "and from there to the newest",
    async () => Number(await tab.rows().first().getAttribute("data-sequence")) === newest,
  );
}
