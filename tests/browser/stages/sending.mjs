// Sends by the form, and sees what was sent arrive in the list that was open all the time.

export async function sending({ report, sandbox, browser, tab }) {
  const { page } = tab;
  report.check(
    "an empty sandbox says how to report to it",
    await page.getByText("COPILOT_CLIENT_COLLECT_ENDPOINT").first().isVisible(),
  );
  report.equal(
    "the URL of collect stands in the header",
    await page.locator("#endpoint").textContent(),
    sandbox.url + sandbox.status.collect_path,
  );

  const sender = await browser.open("/#send?type=thing_connected");
  const form = sender.page.getByRole("form", { name: "An event" });
  if (!sandbox.status.credentials) {
    await sender.page.getByLabel("Client id").fill(sandbox.clientId);
    await sender.page.getByLabel("Client secret").fill(sandbox.clientSecret);
  }
  const eventText = form.getByLabel("The event as JSON");
  const idOf = async () => JSON.parse(await eventText.inputValue()).event_id;

  const accepted = await idOf();
  await form.getByRole("button", { name: "Send event" }).click();
  await report.eventually("the answer to an event is shown", () => form.getByText("200 OK").isVisible());
  await report.eventually(
    "an accepted event arrives in the other page without a reload",
    async () => (await tab.row(accepted).getByText("accepted").count()) === 1,
  );
  report.check(
    "its row names type, user and thing",
    await rowSays(tab.row(accepted), sandbox.status.examples.thing_connected),
  );

  await form.getByRole("button", { name: "Start over" }).click();
  await form.getByLabel("Make it wrong").selectOption("seconds");
  const rejected = await idOf();
  await form.getByRole("button", { name: "Send event" }).click();
  await report.eventually("the form says that the event was rejected", () =>
    form.locator(".outcome .verdict.rejected").isVisible(),
  );
  await report.eventually(
    "a rejected event arrives too, with its first reason",
    async () => (await tab.row(rejected).getByText("/timestamp").count()) === 1,
  );

  // A page in the background draws once a second.
  await page.bringToFront();
  await open(tab.row(rejected));
  await besides(report, tab.row(rejected), "the reason stands beside the offending value", '"timestamp"', "seconds");

  await form.getByRole("button", { name: "Start over" }).click();
  await form.getByLabel("Make it wrong").selectOption("no-event-id");
  await form.getByLabel("Make it wrong").selectOption("unknown-property");
  await form.getByRole("button", { name: "Send event" }).click();
  await page.bringToFront();
  const third = tab.row("and 1 more").first();
  await third.waitFor();
  await open(third);
  await besides(report, third, "a missing member has a line where it would stand", '"event_id"', "missing");
  await besides(report, third, "an unknown member has the reason on its own line", '"surprise"', "not a property");

  const user = "browser-user-1";
  const consent = sender.page.getByRole("form", { name: "A consent" });
  await consent.getByLabel("user_id").fill(user);
  await consent.getByLabel("consent_value").selectOption("false");
  await consent.getByRole("button", { name: "Report consent" }).click();
  await report.eventually("the answer to a consent is shown", () => consent.getByText(/^20[04]/).isVisible());
  await page.bringToFront();
  await tab.tabLink("Consents & unsubscribes").click();
  await report.eventually(
    "the consent arrives",
    async () =>
      (await page
        .getByRole("table", { name: "Consents" })
        .getByRole("row")
        .filter({ hasText: user })
        .getByText("withdrawn")
        .count()) === 1,
  );

  await tab.tabLink("Events").click();
  await tab.row(rejected).getByRole("button", { name: "Send again" }).click();
  const again = page.getByLabel("The event as JSON");
  report.equal(
    "an event that arrived can be mended and sent again",
    JSON.parse(await again.inputValue()).event_id,
    rejected,
  );
  report.check(
    "the browser reported no error in the other page",
    sender.problems.length === 0,
    sender.problems.join("\n"),
  );
  await sender.close();
}

async function rowSays(row, { type, payload }) {
  const text = await row.textContent();
  return [type, payload.user_id, payload.thing_id].every((part) => text.includes(part));
}

export async function open(row) {
  await row.locator(".disclose").click();
  await row.locator(".line").first().waitFor();
}

/** The note is in the same line as the member. */
async function besides(report, row, promise, key, words) {
  const line = row.locator(".line.bad").filter({ has: row.page().locator(".key", { hasText: key }) });
  report.equal(promise, await line.locator(".note").filter({ hasText: words }).count(), 1);
}
