// Switches faults on by the form, sees what they do, and switches them off.

export async function faults({ report, sandbox, tab }) {
  const { page } = tab;
  const banner = page.locator("#fault-banner");
  const form = page.getByRole("form", { name: "Switch one on" });
  const list = page.getByRole("region", { name: "Switched on" });
  const send = async () => {
    await tab.tabLink("Send").click();
    await page.getByRole("button", { name: "Send event" }).click();
  };
  tab.expected = /Failed to load resource/;
  await tab.visit("/#send");
  if (!sandbox.status.credentials) {
    await page.getByLabel("Client id").fill(sandbox.clientId);
    await page.getByLabel("Client secret").fill(sandbox.clientSecret);
  }
  await tab.tabLink("Faults").click();

  report.check("without faults there is no banner", await banner.isHidden());
  await form.getByLabel("What happens").selectOption("status");
  await form.getByLabel("Retry-After").fill("7");
  await form.getByLabel("To", { exact: true }).selectOption("collect");
  await form.getByLabel("For the next").fill("2");
  await form.getByRole("button", { name: "Switch on" }).click();
  await report.eventually("a fault that is switched on is in the list", () =>
    list.getByText("Answers with 503, Retry-After: 7").isVisible(),
  );
  await report.eventually("and told by a banner", () => banner.isVisible());
  await send();
  await report.eventually("it does what it says", () => page.getByText(/^503/).isVisible());
  report.check("Retry-After is shown", await page.getByText("Retry-After: 7").first().isVisible());
  report.check("the banner stands on this tab too", await banner.isVisible());
  await tab.tabLink("Faults").click();
  await report.eventually("how often it fired is counted", () => list.getByText("1 left").isVisible());
  await list.getByRole("button", { name: "Switch off" }).click();
  await report.eventually("it can be switched off", () => list.getByText("None.").isVisible());
  await report.eventually("then the banner is gone", () => banner.isHidden());

  await form.getByLabel("What happens").selectOption("reject_events");
  await form.getByLabel(sandbox.status.event_types[0], { exact: true }).check();
  await form.getByLabel("Reason").fill("the moon is full");
  await form.getByLabel("For the next").fill("");
  await form.getByRole("button", { name: "Switch on" }).click();
  await list.getByText("the moon is full").waitFor();
  await send();
  await report.eventually("a fault can reject events of one type", () =>
    page.locator(".outcome").getByText("the moon is full").isVisible(),
  );

  await tab.tabLink("Faults").click();
  await form.getByLabel("To", { exact: true }).selectOption("set_consent");
  await form.getByRole("button", { name: "Switch on" }).click();
  await report.eventually("a setting without effect is refused in words", () =>
    form.getByRole("alert").getByText("no events come with set_consent").isVisible(),
  );
  report.equal("and not switched on", (await sandbox.control("GET", "/faults")).faults.length, 1);
  await form.getByLabel("To", { exact: true }).selectOption("collect");
  await form.getByLabel("What happens").selectOption("close_after");
  await form.getByRole("button", { name: "Switch on" }).click();
  await list.getByText("Takes the events").waitFor();
  await send();
  await report.eventually("a broken connection is told as such", () =>
    page.getByText("The connection broke.").isVisible(),
  );
  await banner.getByRole("button", { name: "Switch all off" }).click();
  await report.eventually("the banner switches all off", () => banner.isHidden());
  report.equal("really", (await sandbox.control("GET", "/faults")).faults, []);
  await send();
  await report.eventually("and all is well again", () => page.getByText("200 OK").isVisible());

  await tab.tabLink("Faults").click();
  await report.eventually("every kind can be switched on", async () => {
    const kinds = await form
      .getByLabel("What happens")
      .locator("option")
      .evaluateAll((options) => options.map(({ value }) => value));
    for (const [index, kind] of kinds.entries()) {
      await form.getByLabel("What happens").selectOption(kind);
      await form.getByRole("button", { name: "Switch on" }).click();
      await list.getByRole("listitem").nth(index).waitFor();
    }
    const { faults: active } = await sandbox.control("GET", "/faults");
    return kinds.every((kind, index) => active[index].fault.kind === kind) && kinds.length === 12;
  });
}
