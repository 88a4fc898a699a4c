// Filters the list, follows users and things, and shares both by the URL.

export async function finding({ report, sandbox, tab }) {
  const { page } = tab;
  await sandbox.story();
  const { user_id: user, thing_id: thing } = sandbox.status.examples.thing_connected.payload;
  const statistics = await sandbox.control("GET", "/statistics");
  const { accepted, rejected } = statistics.events;
  const rows = () => tab.rows().count();
  await report.eventually("all events are in the list", async () => (await rows()) === accepted + rejected);
  await report.eventually(
    "the counters tell the same",
    async () => (await counters(page, "Accepted", "Rejected")).join() === `${accepted},${rejected}`,
  );

  const filters = page.getByRole("search", { name: "Filter events" });
  await filters.getByLabel("Verdict").selectOption("rejected");
  await report.eventually("the verdict filters", async () => (await rows()) === rejected);
  report.check("the URL says so", page.url().includes("verdict=rejected"), page.url());
  await page.reload();
  await report.eventually("and a reload keeps it", async () => (await rows()) === rejected);
  await filters.getByRole("button", { name: "Clear" }).click();
  await filters.getByLabel("Type").selectOption("unsubscribe");
  await report.eventually("the type filters", async () => (await rows()) === 1);
  await filters.getByRole("button", { name: "Clear" }).click();
  await filters.getByLabel("Repeated").selectOption("true");
  await report.eventually(
    "repeated events can be asked for, and have a badge",
    async () => (await rows()) === 1 && (await tab.rows().locator(".badge.repeated").count()) === 1,
  );
  await filters.getByRole("button", { name: "Clear" }).click();
  await filters.getByLabel("user_id").fill("user-8");
  await report.eventually("the user filters", async () => (await rows()) === 1);
  await sandbox.collect([
    sandbox.example("user_updated", { payload: { user_id: "user-8" } }),
    sandbox.example("user_updated"),
  ]);
  await report.eventually("what arrives is filtered too", async () => (await rows()) === 2);
  await tab.visit("/");

  await tab.rows().filter({ hasText: "thing_connected" }).getByRole("link", { name: user }).first().click();
  const panel = page.getByRole("complementary", { name: `user ${user}` });
  await report.eventually("a press on a user follows it", () => panel.isVisible());
  await report.eventually("the panel has the profile", () => panel.getByText("zoe.martinez@example.com").isVisible());
  const history = panel.getByRole("list", { name: "Events of this user, newest first" }).locator(".event");
  const before = await history.count();
  report.check("and its history", before > 5, `${before} rows`);
  await sandbox.collect([sandbox.example("thing_interaction")]);
  await report.eventually("which goes on without a reload", async () => (await history.count()) === before + 1);
  await page.reload();
  await report.eventually("the URL keeps whom one follows", () => panel.isVisible());
  await panel
    .getByRole("list", { name: "Events of this user, newest first" })
    .getByRole("link", { name: thing })
    .first()
    .click();
  const other = page.getByRole("complementary", { name: `thing ${thing}` });
  await report.eventually("from there to the thing, with its status", () => other.getByText("descale").isVisible());
  await other.getByRole("button", { name: "Close" }).click();
  await report.eventually("the panel closes", () => other.isHidden());

  await tab.tabLink("Things").click();
  await page.getByLabel("Part of the thing_id").fill(thing.slice(3, 8));
  await report.eventually(
    "things are found by a part of the id",
    async () => (await page.getByRole("table", { name: "Things" }).getByRole("link", { name: thing }).count()) === 1,
  );

  await tab.tabLink("Events").click();
  await page.getByRole("button", { name: "Pause" }).click();
  const held = await rows();
  await sandbox.collect([sandbox.example("thing_connected")]);
  await report.eventually("a paused list says that there is more", () => page.getByText("1 newer event").isVisible());
  report.equal("and does not move", await rows(), held);
  await page.getByRole("button", { name: "Pause" }).click();
  await report.eventually("until it goes on", async () => (await rows()) === held + 1);
}

function counters(page, ...labels) {
  return Promise.all(
    labels.map((label) =>
      page
        .locator(".counters div")
        .filter({ has: page.getByText(label, { exact: true }) })
        .locator("dd")
        .textContent(),
    ),
  );
}
