import { ASKS, expect, test, WAITS } from "./server";

test("by time travel a run is seen as it was, by keys, and the address keeps it", async ({ home: page, server }) => {
  const run = await server.run(await server.publish(WAITS("seen-again", "1s")));
  await server.until(run, "completed");
  await page.goto(`/runs/${run}`);
  await expect(page.getByRole("button", { name: "last, Completed" })).toBeVisible();
  const slider = page.getByRole("slider", { name: "Time travel" });
  await slider.focus();
  await page.keyboard.press("Home");
  await expect(page).toHaveURL(/at=1/);
  await expect(page.getByRole("button", { name: "last, Not started" })).toBeVisible();
  await expect(page.getByText(/Event 1 of \d+: ExecutionCreated/)).toBeVisible();
  await page.reload();
  await expect(page.getByRole("button", { name: "first, Not started" })).toBeVisible();
  // A step's drawer shows nothing that came later.
  await page.getByRole("button", { name: "first, Not started" }).click();
  await expect(page.getByRole("complementary", { name: "first" })).toContainText("as it was");
  await expect(page.getByRole("region", { name: "Answer" })).toHaveCount(0);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Back to now" }).click();
  await expect(page.getByRole("button", { name: "last, Completed" })).toBeVisible();
  await expect(page).not.toHaveURL(/at=/);
});

test("two runs are chosen in the list and stand side by side", async ({ home: page, server }) => {
  const process = await server.publish(ASKS("twice-told"));
  const runs = [await server.run(process), await server.run(process)];
  for (const run of runs) await server.until(run, "paused");
  await server.api("POST", `/api/executions/${runs[0]}/cancel`, {});
  await server.until(runs[0] ?? "", "cancelled");
  await page.goto("/runs?process=twice-told");
  await page.getByRole("button", { name: "Select" }).click();
  await expect(page.getByRole("button", { name: "Compare" })).toBeDisabled();
  await page.getByRole("button", { name: /Select all 2/ }).click();
  await page.getByRole("link", { name: "Compare" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Compare runs" })).toBeVisible();
  await expect(page.getByRole("row", { name: /Look at the draft Cancelled.*Waiting for a person/ })).toBeVisible();
  await page.getByLabel("Only what differs").check();
  await expect(page.getByRole("row", { name: /^draft/ })).toHaveCount(0);
});

test("a failed run says what one can do about it", async ({ home: page, server }) => {
  const yaml = ASKS("turned-down").replace("description: Is it *good*?", "timeout: 1s");
  const run = await server.run(await server.publish(yaml));
  await server.until(run, "failed");
  await page.goto(`/runs/${run}`);
  await expect(page.getByText("Retry from what failed, and tell those who are asked.")).toBeVisible();
  await page.getByRole("button", { name: "Retry…" }).click();
  const dialog = page.getByRole("dialog", { name: "Retry run" });
  await expect(dialog.getByLabel("From what failed")).toBeChecked();
  await expect(dialog).toContainText("Reused: draft");
});
