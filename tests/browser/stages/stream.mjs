// Loses the stream and gets it back; resets by the dialog, and notices a reset from elsewhere.

export async function stream({ report, sandbox, browser, tab }) {
  const { page } = tab;
  const state = () => page.locator("#live").getAttribute("data-state");
  await sandbox.collect([sandbox.example("thing_connected")]);
  await report.eventually(
    "the page is live",
    async () => (await state()) === "live" && (await tab.rows().count()) === 1,
  );

  tab.expected = /Failed to load resource|ERR_INTERNET_DISCONNECTED|ERR_FAILED/;
  await browser.context.setOffline(true);
  // What runs already goes on when a browser goes offline: a page that comes back has to connect anew.
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await report.eventually("a lost stream is told", async () => (await state()) === "reconnecting");
  await sandbox.collect([sandbox.example("thing_connected", { event_id: "while-it-was-away" })]);
  await browser.context.setOffline(false);
  await report.eventually("the page comes back by itself", async () => (await state()) === "live", 9000);
  await report.eventually(
    "and shows what arrived meanwhile",
    async () => (await tab.row("while-it-was-away").count()) === 1,
  );

  await sandbox.reset();
  await report.eventually("a reset from elsewhere empties the list", async () => (await tab.rows().count()) === 0);
  await sandbox.collect([sandbox.example("thing_connected", { event_id: "after-the-reset" })]);
  await report.eventually(
    "which then fills anew",
    async () => (await tab.rows().count()) === 1 && (await tab.row("after-the-reset").count()) === 1,
  );

  await page.getByRole("button", { name: "Reset …" }).click();
  const dialog = page.getByRole("dialog", { name: "Forget everything?" });
  await dialog.getByRole("button", { name: "Keep everything" }).click();
  report.equal(
    "a reset that is not confirmed keeps everything",
    (await sandbox.control("GET", "/statistics")).events.accepted,
    1,
  );
  await page.getByRole("button", { name: "Reset …" }).click();
  await dialog.getByRole("button", { name: "Forget everything" }).click();
  await report.eventually(
    "a confirmed one forgets",
    async () => (await tab.rows().count()) === 0 && (await page.getByText("Nothing has arrived yet").isVisible()),
  );
  await report.eventually("and says so", async () => (await page.locator("#announcements").textContent()).length > 0);
}
