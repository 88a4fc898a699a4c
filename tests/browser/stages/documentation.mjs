// Opens the contract in Swagger UI and sends its example from there.

export async function documentation({ report, sandbox, tab }) {
  const { page } = tab;
  await tab.visit("/docs");
  const operation = page.locator(`[id="operations-Collect-collect"]`);
  await report.eventually("the contract is shown", () => operation.isVisible(), 10_000);
  report.check(
    "its title and version are there",
    /Copilot\.cx Server API/.test(await page.locator(".info").textContent()),
  );

  await page.locator(".auth-wrapper .authorize").first().click();
  const dialog = page.locator(".modal-ux");
  const user = dialog.locator("input[name=username]");
  await user
    .or(dialog.getByText("Authorized", { exact: true }))
    .first()
    .waitFor();
  // The sandbox fills in the credentials that it made up itself.
  if (await user.isVisible()) {
    await user.fill(sandbox.clientId);
    await dialog.locator("input[type=password]").fill(sandbox.clientSecret);
    await dialog.locator("button.authorize").click();
  }
  await dialog.locator("button.close-modal").click();

  if (!(await operation.locator(".try-out").isVisible())) await operation.locator(".opblock-summary").click();
  const body = operation.locator("textarea.body-param__text");
  await operation.locator(".try-out").waitFor();
  if (!(await body.isVisible())) await operation.locator(".try-out__btn").click();
  await body.waitFor();
  const isAnswered = async () =>
    (await operation.locator(".live-responses-table .response .response-col_status").first().textContent())
      .trim()
      .startsWith("200");
  await operation.locator("button.execute").click();
  await report.eventually("the example that stands there is answered with 200", isAnswered, 10_000);
  await tab.picture("wide-docs");
}
