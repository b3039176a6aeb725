import { ASKS, expect, test } from "./server";

test("schedules are listed with their coming runs", async ({ home: page }) => {
  await page.goto("/");
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Schedules" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Schedules" })).toBeVisible();
  const table = page.getByRole("table", { name: "Schedules" });
  await expect(table.getByRole("row", { name: /nightly-report/ })).toContainText("Active");
  await expect(page.getByRole("list", { name: "Coming runs" }).getByRole("listitem").first()).toContainText("nightly-report");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/processes\/nightly-report\?tab=triggers/);
});

test("a schedule is paused, resumed, and run at once", async ({ home: page }) => {
  await page.goto("/schedules");
  const row = page.getByRole("table", { name: "Schedules" }).getByRole("row", { name: /nightly-report/ });
  await row.getByRole("button", { name: /^Pause/ }).focus();
  await page.keyboard.press("Enter");
  await expect(row).toContainText("Paused");
  await row.getByRole("button", { name: /^Resume/ }).click();
  await expect(row).toContainText("Active");
  await row.getByRole("button", { name: /^Run now/ }).click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);
  await expect(page.getByRole("heading", { level: 1, name: /^nightly-report/ })).toBeVisible();
});

test("a webhook is switched off and on, and its calls are told", async ({ home: page, server }) => {
  const trigger = "triggers:\n  - {id: knock, type: webhook}\nsteps:";
  await server.publish(ASKS("knocked-at").replace("steps:", trigger));
  await page.goto("/schedules");
  const row = page.getByRole("table", { name: "Webhooks" }).getByRole("row", { name: /knocked-at/ });
  await row.getByRole("button", { name: "Switch off" }).click();
  await expect(row).toContainText("Off");
  await row.getByRole("button", { name: "Switch on" }).click();
  await expect(row.getByRole("button", { name: "Switch off" })).toBeVisible();
  const answer = await fetch(`${server.address}/api/triggers/webhook/knock`, { method: "POST", body: "{}" });
  expect(answer.status).toBe(202);
  await page.reload();
  await row.getByRole("button", { name: "1 call", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Calls of knock" });
  const started = dialog.getByRole("row", { name: /Started/ });
  const first = (await started.getByRole("link").textContent()) ?? "";
  await started.getByRole("button", { name: "Replay" }).click();
  // The same body once more is another run.
  await expect(page.getByRole("heading", { level: 1, name: /^knocked-at/ })).toBeVisible();
  await expect(page.getByRole("heading", { level: 1, name: first })).toHaveCount(0);
  await page.goBack();
  await row.getByRole("button", { name: "1 call", exact: true }).click();
  await dialog.getByRole("link", { name: first }).click();
  await expect(page.getByRole("heading", { level: 1, name: `knocked-at ${first}` })).toBeVisible();
});

test("figures of runs stand in charts and tables, and as a file", async ({ home: page, server }) => {
  const run = await server.run(await server.publish(ASKS("counted")));
  await server.until(run, "paused");
  await page.goto("/analytics?process=counted");
  const chart = page.getByRole("figure", { name: "Runs" });
  await expect(chart.getByRole("img")).toHaveAccessibleName(/^Runs: 1, /);
  await chart.getByRole("button", { name: /^Table/ }).focus();
  await page.keyboard.press("Enter");
  await expect(chart.getByRole("table")).toContainText("Completed");
  await page.getByLabel("Period").selectOption("7 days");
  await expect(page).toHaveURL(/days=7/);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download CSV" }).click();
  expect((await download).suggestedFilename()).toBe("counted-7-days.csv");
});

test("the audit trail tells who did what, and whether it is whole", async ({ home: page, server }) => {
  await server.publish(ASKS("watched"));
  await page.goto("/");
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("link", { name: "Audit" }).click();
  await page.getByLabel("Action").fill("process.publish");
  await expect(page.getByRole("row", { name: /admin Publish process Process watched/ })).toBeVisible();
  await expect(page).toHaveURL(/action=process.publish/);
  await page.getByLabel("Who").fill("nobody-of-this-name");
  await expect(page.getByText("No entry fits these filters")).toBeVisible();
  await page.getByRole("button", { name: "Verify chain" }).click();
  await expect(page.getByRole("status", { name: "Chain" })).toHaveText(/^Chain intact: \d+ entries$/);
});

test("the help is read and searched", async ({ home: page }) => {
  await page.goto("/help");
  await expect(page.getByRole("navigation", { name: "Help" }).getByRole("link").first()).toHaveAttribute("aria-current", "page");
  await page.getByLabel("Search help").fill("default_route");
  await page.getByRole("region", { name: "Found" }).getByRole("link").first().focus();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/help\/.+/);
  await expect(page.getByRole("article")).toContainText("default_route");
});

test("an agent answers a test message", async ({ home: page }) => {
  await page.goto("/agents");
  await page.getByRole("button", { name: "Send test message to echo" }).click();
  const dialog = page.getByRole("dialog", { name: "Test message…" });
  await dialog.getByLabel("Message").fill("are you there");
  await dialog.getByRole("button", { name: "Send" }).click();
  await expect(dialog.getByRole("status", { name: "Answer" })).toContainText("are you there");
});

test("cost limits and notifications are set and kept", async ({ home: page }) => {
  await page.goto("/settings?tab=limits");
  await page.getByLabel("A day").fill("-3");
  await expect(page.getByLabel("A day")).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("A day").fill("12.5");
  await page.getByRole("button", { name: "Save limits" }).click();
  await expect(page.getByText("Saved")).toBeVisible();
  await page.reload();
  await expect(page.getByLabel("A day")).toHaveValue("12.5");
  await page.getByRole("tab", { name: "Notifications" }).click();
  await page.getByLabel("Incoming webhook").fill("https://hooks.slack.com/services/T/B/secret");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("Saved")).toBeVisible();
  await page.reload();
  await expect(page.getByLabel("Incoming webhook")).toHaveValue(/\*{8}/);
});

test("what could not be delivered is seen with its attempts, and sent again", async ({ home: page, server }) => {
  await page.goto("/deliveries");
  await expect(page.getByText("Nothing has been sent yet")).toBeVisible();
  const informed = await server.run(
    await server.publish("name: informed-in-vain\nsteps:\n  - {id: one, agent: echo, message: one, roles: {informed: [nobody-here]}}\n"),
  );
  await server.until(informed, "completed");
  await page.reload();
  const row = page.getByRole("row", { name: /nobody-here/ }).first();
  await expect(row).toContainText("Undeliverable");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Delivery" });
  await expect(dialog).toContainText("informed-in-vain");
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await row.getByRole("button", { name: "Send again" }).click();
  await expect(page.getByRole("row", { name: /nobody-here/ }).first()).toBeVisible();
  await page.getByLabel("State").selectOption("Delivered");
  await expect(page.getByText("No delivery fits these filters")).toBeVisible();
});
