import { expect, test } from "./server";

test("a link that is followed right after typing is not undone by what was typed", async ({ home: page, server }) => {
  await server.publish("name: followed\nversion: 1\nsteps:\n  - {id: one, type: agent_task, agent: echo, message: one}\n");
  await page.goto("/processes");
  // The page that it leads to comes later than the filter is written into the address.
  await page.route("**/assets/ProcessPage-*.js", async (route) => {
    await new Promise((then) => setTimeout(then, 1_000));
    await route.continue();
  });
  const link = page.getByRole("link", { name: "followed" });
  await link.waitFor();
  await page.getByLabel("Search").fill("follow");
  await link.click();
  await expect(page.getByRole("heading", { level: 1, name: "followed" })).toBeVisible();
  await expect(page).toHaveURL(/\/processes\/followed$/);
});

test("all filters are cleared at once", async ({ home: page }) => {
  await page.goto("/runs?status=failed&process=nightly-report&by=api");
  await page.getByRole("button", { name: "Clear", exact: true }).click();
  await expect(page).toHaveURL(/\/runs$/);
});
