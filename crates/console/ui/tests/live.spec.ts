import { expect, test, WAITS } from "./server";

test("a run is watched through the death and return of the server, without a reload", async ({ home: page, server }) => {
  test.setTimeout(120_000);
  const run = await server.run(await server.publish(WAITS("survives", "20s")));
  await page.goto(`/runs/${run}`);
  await page.evaluate(() => Object.assign(globalThis, { wasNotReloaded: true }));
  const connection = page.getByRole("status", { name: "Connection" });
  await expect(connection).toHaveText("Live");
  await expect(page.getByRole("button", { name: "rest, Waiting" })).toBeVisible();
  await server.kill();
  await expect(connection).toHaveText("Reconnecting…");
  await server.start();
  await expect(connection).toHaveText("Live");
  await expect(page.getByRole("button", { name: "last, Completed" })).toBeVisible({ timeout: 45_000 });
  expect(await page.evaluate(() => "wasNotReloaded" in globalThis)).toBe(true);
});

test("without a network the page says that it is offline, and comes back", async ({ home: page }) => {
  await page.goto("/runs");
  const connection = page.getByRole("status", { name: "Connection" });
  await expect(connection).toHaveText("Live");
  await page.context().setOffline(true);
  await expect(connection).toHaveText("Offline");
  await page.context().setOffline(false);
  await expect(connection).toHaveText("Live");
});
