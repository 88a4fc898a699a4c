// Does the main things with the keyboard alone.

const STOPS = 150;

export async function keyboard({ report, sandbox, tab }) {
  const { page } = tab;
  const press = (key) => page.keyboard.press(key);
  const invisible = new Set();

  /** Goes on with the Tab key until it is at what is looked for. */
  async function reach(what, matches) {
    for (let stop = 0; stop < STOPS; stop += 1) {
      await press("Tab");
      const here = await page.evaluate(focused);
      if (!here.visible) invisible.add(here.name);
      if (matches(here)) return report.check(`the keyboard reaches ${what}`, true);
    }
    return report.check(`the keyboard reaches ${what}`, false, `not within ${STOPS} stops`);
  }

  await press("Tab");
  report.equal("the first stop skips to the content", (await page.evaluate(focused)).name, "Skip to the content");
  await press("Enter");
  report.equal("which it does", await page.evaluate(() => document.activeElement.id), "main");
  await page.reload();
  await page.locator('#live[data-state="live"]').waitFor();

  await reach("the tab Send", ({ name, role }) => role === "A" && name === "Send");
  await press("Enter");
  await page.getByRole("form", { name: "An event" }).waitFor();
  if (!sandbox.status.credentials) {
    await reach("the client id", ({ label }) => label === "Client id");
    await page.keyboard.type(sandbox.clientId);
    await reach("the secret", ({ label }) => label === "Client secret");
    await page.keyboard.type(sandbox.clientSecret);
  }
  await reach("the type", ({ label }) => label === "Type");
  await page.keyboard.type("thing_conn");
  await report.eventually(
    "and chooses one by its letters",
    async () => JSON.parse(await page.getByLabel("The event as JSON").inputValue()).type === "thing_connected",
  );
  await reach("the button that sends", ({ name }) => name === "Send event");
  await press("Enter");
  await page.getByText("200 OK").waitFor();
  await reach("the link to the event", ({ name }) => name === "Show it in the list");
  await press("Enter");
  await tab.rows().first().waitFor();
  await sandbox.collect([sandbox.example("thing_connected")]);

  await reach("its row", ({ className }) => className === "disclose");
  await press("Enter");
  await report.eventually(
    "Enter opens it",
    async () => (await tab.rows().first().locator(".disclose").getAttribute("aria-expanded")) === "true",
  );
  await press("Enter");
  report.equal("and closes it", await tab.rows().first().locator(".disclose").getAttribute("aria-expanded"), "false");
  await tab.visit("/#events");
  await report.eventually("there are two rows", async () => (await tab.rows().count()) === 2);
  await tab.rows().first().locator(".disclose").focus();
  await press("ArrowDown");
  report.check(
    "the arrow keys go from row to row",
    await tab
      .rows()
      .nth(1)
      .locator(".disclose")
      .evaluate((element) => element === document.activeElement),
  );

  await reach("a user", ({ className }) => className === "follow");
  await press("Enter");
  await report.eventually("Enter follows it", async () => (await page.evaluate(focused)).name.startsWith("user "));
  await reach("the button that closes the panel", ({ name }) => name === "Close");
  await press("Enter");
  await report.eventually("the panel closes, and the focus is not lost", () =>
    page.evaluate(() => document.activeElement.id === "main"),
  );

  report.check("every stop can be seen", invisible.size === 0, [...invisible].join("\n"));
}

/** Runs in the page. */
function focused() {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return {
    name: (element.getAttribute("aria-label") ?? element.textContent).trim().slice(0, 60),
    role: element.tagName,
    className: element.className,
    label: element.labels?.[0]?.textContent ?? "",
    visible: element === document.body || (outlined && box.width > 0 && box.height > 0),
  };
}
