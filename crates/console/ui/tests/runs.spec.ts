import { ASKS, expect, test, WAITS } from "./server";

test("a run is started by keyboard and watched live to its end", async ({ home: page, server }) => {
  await server.publish(WAITS("short-wait", "15s"));
  await page.goto("/");
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await expect(page.getByRole("status", { name: "Connection" })).toHaveText("Live");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search or run a command" }).fill("run short-wait");
  await expect(page.getByRole("option").first()).toContainText("Run short-wait");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Run short-wait" }).waitFor();
  await page.keyboard.press("Tab");
  await page.getByRole("button", { name: "Run", exact: true }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("region", { name: "Why is it waiting?" })).toContainText("waits for its time");
  await expect(page.getByRole("button", { name: "last, Completed" })).toBeVisible({ timeout: 30_000 });
  await expect(page.getByRole("region", { name: "Why is it waiting?" })).toHaveCount(0);
});

test("a step tells what it was asked and what it answered, and its address is a link", async ({ home: page, server }) => {
  const run = await server.run(await server.publish(ASKS("told")));
  await server.until(run, "paused");
  await page.goto(`/runs/${run}`);
  await page.getByRole("button", { name: "draft, Completed" }).click();
  await expect(page).toHaveURL(/step=draft/);
  const drawer = page.getByRole("complementary", { name: "draft" });
  await expect(drawer.getByRole("region", { name: "Message" })).toContainText("The **draft** of a contract");
  await expect(drawer.getByRole("region", { name: "Answer" })).toContainText("The **draft** of a contract");
  await expect(drawer.getByRole("region", { name: "Attempts" })).toContainText("Attempt 1");
  await expect(drawer.getByRole("region", { name: "Definition" })).toContainText("agent: echo");
  await page.reload();
  await expect(drawer).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(drawer).toHaveCount(0);
});

test("each way to look at a run shows it", async ({ home: page, server }) => {
  const run = await server.run(await server.publish(WAITS("looked-at", "1s")));
  await server.until(run, "completed");
  await page.goto(`/runs/${run}`);
  await page.getByRole("tab", { name: "Timeline" }).click();
  await expect(page.getByRole("img", { name: "first: attempt 1, completed" })).toBeVisible();
  await expect(page.getByRole("img", { name: /rest: waiting after attempt 1/ })).toBeVisible();
  await page.keyboard.press("ArrowRight");
  await expect(page).toHaveURL(/tab=steps/);
  await expect(page.getByRole("row", { name: /last Completed/ })).toBeVisible();
  await page.getByRole("tab", { name: "Events" }).click();
  await page.getByLabel("Filter events").fill("ProcessCompleted");
  const rows = page.getByRole("main").getByRole("listitem");
  await expect(rows).toHaveCount(1);
  await page.getByRole("button", { name: "Payload" }).click();
  await expect(rows).toContainText("total_cost");
  await page.getByRole("tab", { name: "Input" }).click();
  await page.getByRole("button", { name: "Raw" }).click();
  await expect(page.getByText("{}", { exact: true })).toBeVisible();
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  expect((await download).suggestedFilename()).toBe(`run-${run.slice(-8)}.json`);
});

test("a run is paused, resumed, cancelled and retried", async ({ home: page, server }) => {
  const run = await server.run(await server.publish(WAITS("long-wait", "1h")));
  await page.goto(`/runs/${run}`);
  await page.getByRole("button", { name: "Pause" }).click();
  await expect(page.getByRole("region", { name: "Why is it waiting?" })).toContainText("paused by a person");
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("button", { name: "Cancel…" }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel run" });
  await dialog.getByLabel("Roll back").check();
  await expect(dialog).toContainText("first");
  await dialog.getByRole("button", { name: "Cancel run" }).click();
  await expect(page.getByText("Cancelled").first()).toBeVisible();
  await page.getByRole("button", { name: "Retry…" }).click();
  const retry = page.getByRole("dialog", { name: "Retry run" });
  await retry.getByLabel("From what failed").check();
  await expect(retry).toContainText("Reused: first");
  await expect(retry).toContainText("Runs again, as far as the process gets there: rest, last");
  await retry.getByRole("button", { name: "Retry", exact: true }).click();
  await expect(page.getByRole("link", { name: run.slice(-8) })).toBeVisible();
  await page.getByRole("tab", { name: "Steps" }).click();
  await expect(page.getByRole("row", { name: /first reused/ })).toBeVisible();
});

test("the list is filtered by its address, walked by keys, and acted on as a whole", async ({ home: page, server }) => {
  const process = await server.publish(WAITS("many", "1h"));
  const runs = [await server.run(process), await server.run(process), await server.run(process)];
  await page.goto("/runs?process=many");
  await expect(page.getByRole("row")).toHaveCount(4);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await expect(page.getByRole("link", { name: `many ${runs[1]?.slice(-8)}` })).toBeFocused();
  await page.keyboard.press("k");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(runs[2] ?? ""));
  await page.goBack();
  await page.getByRole("button", { name: "Select" }).click();
  await page.getByRole("button", { name: /Select all 3/ }).click();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel: 3 runs" });
  await dialog.getByRole("button", { name: "Cancel", exact: true }).click();
  await expect(dialog.getByRole("listitem")).toHaveText(runs.toReversed().map((run) => `${run.slice(-8)} Done`));
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.getByLabel("Status").selectOption("running");
  await expect(page.getByText("No run fits these filters")).toBeVisible();
});

test("the list tells how far runs are and for what they wait, and is narrowed to that", async ({ home: page, server }) => {
  const waits = await server.run(await server.publish(WAITS("for-its-time", "1h")));
  const asks = await server.run(await server.publish(ASKS("for-someone")));
  await server.until(asks, "paused");
  await page.goto("/runs?q=for-");
  await expect(page.getByRole("row", { name: /for-its-time/ })).toContainText("1 of 3");
  await expect(page.getByRole("row", { name: /for-its-time/ })).toContainText("Its time, in");
  await expect(page.getByRole("row", { name: /for-someone/ })).toContainText("A person");
  await page.getByLabel("Waiting for").selectOption("A person");
  await expect(page.getByRole("row", { name: /for-its-time/ })).toHaveCount(0);
  await expect(page.getByRole("row", { name: /for-someone/ })).toBeVisible();
  // Its short id, as pages show it, finds a run too.
  await page.goto(`/runs?q=${waits.slice(-8)}`);
  await expect(page.getByRole("link", { name: `for-its-time ${waits.slice(-8)}` })).toBeVisible();
  await expect(page.getByRole("row")).toHaveCount(2);
});

test("new runs wait behind a button instead of moving what one looks at", async ({ home: page, server }) => {
  const process = await server.publish(WAITS("rows", "1h"));
  await server.run(process);
  await page.goto("/runs?process=rows");
  await expect(page.getByRole("row")).toHaveCount(2);
  await server.run(process);
  await page.getByRole("button", { name: "1 new" }).click();
  await expect(page.getByRole("row")).toHaveCount(3);
});

test("an unknown address says so, and the first Tab leads past the navigation", async ({ home: page }) => {
  await page.goto("/nowhere/at-all");
  await expect(page.getByRole("heading", { level: 1, name: "Page not found" })).toBeVisible();
  await expect(page).toHaveTitle("Page not found · Procession");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.goto("/runs/0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33");
  await expect(page.getByRole("alert")).toContainText("Execution not found");
});
