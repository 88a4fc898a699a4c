// Filters the list, follows users and things, and shares both by the URL.

export async function finding({ report, sandbox, tab }) {
  const { page } = tab;
  await sandbox.story();
  const { user_id: user, thing_id: thing } = sandbox.status.examples.thing_connected.payload;
  const statistics = await sandbox.control("GET", "/statistics");
  const { accepted, rejected } = statistics.events;
  const rows = () => tab.rows().count();
  await report.eventually("all events are in the list", async () => (await rows()) === accepted + rejected);
  const order = await tab.rows().evaluateAll((found) => found.map((row) => Number(row.dataset.sequence)));
  report.equal(
    "the newest is first",
    order,
    [...order].sort((a, b) => b - a),
  );
  await report.eventually(
    "the counters tell the same",
    async () => (await counters(page, "Accepted", "Rejected")).join() === `${accepted},${rejected}`,
  );
  report.equal(
    "the plot is told in words",
    await page.getByRole("img", { name: `${accepted} accepted, ${rejected} rejected` }).count(),
    1,
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
  await sandbox.collect([sandbox.example("thing_connected", { type: "toaster_exploded" })]);
  await filters.getByLabel("Type").selectOption("unknown");
  await report.eventually(
    "types that the contract does not know can be asked for",
    async () => (await rows()) === 1 && (await tab.row("toaster_exploded").count()) === 1,
  );
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
  await tab.tabLink("Users").click();
  await tab.tabLink("Events").click();
  report.equal(
    "a tab that one comes back to has its filters",
    await filters.getByLabel("user_id").inputValue(),
    "user-8",
  );
  await page.goBack();
  await report.eventually("the browser's way back works", () =>
    page.getByRole("heading", { name: "Users" }).isVisible(),
  );
  await tab.visit("/");

  await tab.rows().filter({ hasText: "thing_connected" }).getByRole("link", { name: user }).first().click();
  const panel = page.getByRole("complementary", { name: `user ${user}` });
  await report.eventually("a press on a user follows it", () => panel.isVisible());
  await report.eventually("the panel has the profile", () => panel.getByText("zoe.martinez@example.com").isVisible());
  report.check(
    "the consent",
    await panel
      .getByText(/withdrawn|given/)
      .first()
      .isVisible(),
  );
  report.check(
    "and the things",
    (await panel
      .locator(".subjects")
      .getByRole("link", { name: thing })
      .isVisible()
      .catch(() => false)) || (await panel.getByText("none").isVisible()),
  );
  const history = panel.getByRole("list", { name: "Events of this user, newest first" }).locator(".event");
  const before = await history.count();
  report.check("and its history", before > 5, `${before} rows`);
  await sandbox.collect([sandbox.example("thing_interaction")]);
  await report.eventually("which goes on without a reload", async () => (await history.count()) === before + 1);
  report.check(
    "the heading has the focus",
    await panel.getByRole("heading", { level: 2 }).evaluate((element) => element === document.activeElement),
  );
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
  await page.getByLabel("Part of the thing_id").fill("no-such-thing");
  await report.eventually("and not by what is no part", () =>
    page.getByText("No thing has this in its id.").isVisible(),
  );

  await tab.tabLink("Events").click();
  await page.getByRole("button", { name: "Pause" }).click();
  const held = await rows();
  await sandbox.collect([sandbox.example("thing_connected")]);
  await report.eventually("a paused list says that there is more", () => page.getByText("1 newer event").isVisible());
  report.equal("and does not move", await rows(), held);
  await page.getByRole("button", { name: "Pause" }).click();
  await report.eventually("until it goes on", async () => (await rows()) === held + 1);
  await page.getByRole("button", { name: /^Copy the URL/ }).click();
  report.equal(
    "the URL of collect can be copied",
    await page.evaluate(() => navigator.clipboard.readText()),
    sandbox.url + sandbox.status.collect_path,
  );
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
