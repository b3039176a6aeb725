import type { Locator, Page } from "@playwright/test";
import { ASKS, expect, PASSWORD, test } from "./server";

/** Goes on by Tab, or back, until the focus is there, as someone without a mouse does. */
async function tabTo(page: Page, wanted: Locator, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  await wanted.waitFor();
  for (let stops = 0; stops < 120; stops += 1) {
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`Tab does not lead to ${String(wanted)}`);
}

async function press(page: Page, wanted: Locator): Promise<void> {
  await tabTo(page, wanted);
  await page.keyboard.press("Enter");
}

test("an agent is sent a test message by keyboard, and the focus comes back", async ({ home: page }) => {
  await page.goto("/agents");
  const opener = page.getByRole("button", { name: "Send test message to echo" });
  await press(page, opener);
  const dialog = page.getByRole("dialog", { name: "Test message…" });
  await tabTo(page, dialog.getByLabel("Message"));
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("by keys");
  await press(page, dialog.getByRole("button", { name: "Send" }));
  await expect(dialog.getByRole("status", { name: "Answer" })).toContainText("by keys");
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(opener).toBeFocused();
});

test("a person is added by keyboard", async ({ home: page }) => {
  await page.goto("/settings");
  await press(page, page.getByRole("button", { name: "Add person" }));
  const dialog = page.getByRole("dialog", { name: "Add person" });
  await tabTo(page, dialog.getByLabel("User name"));
  await page.keyboard.type("kim");
  await tabTo(page, dialog.getByLabel("Password"));
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("row", { name: /kim/ })).toBeVisible();
});

test("two runs are chosen and compared by keyboard", async ({ home: page, server }) => {
  const process = await server.publish(ASKS("by-keys"));
  const runs = [await server.run(process), await server.run(process)];
  for (const run of runs) await server.until(run, "paused");
  await page.goto("/runs?process=by-keys");
  await press(page, page.getByRole("button", { name: "Select" }));
  for (const run of runs.toReversed()) {
    await tabTo(page, page.getByRole("checkbox", { name: `by-keys ${run.slice(-8)}` }));
    await page.keyboard.press("Space");
  }
  await tabTo(page, page.getByRole("link", { name: "Compare" }), "Shift+Tab");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Compare runs" })).toBeVisible();
});

test("the audit trail is verified and a webhook's calls are read by keyboard", async ({ home: page, server }) => {
  await server.publish(ASKS("rings").replace("steps:", "triggers:\n  - {id: bell, type: webhook}\nsteps:"));
  await page.goto("/audit");
  await press(page, page.getByRole("button", { name: "Verify chain" }));
  await expect(page.getByRole("status", { name: "Chain" })).toHaveText(/^Chain intact: \d+ entries$/);
  await page.goto("/schedules");
  const opener = page.getByRole("row", { name: /rings/ }).getByRole("button", { name: "0 calls" });
  await press(page, opener);
  await expect(page.getByRole("dialog", { name: "Calls of bell" })).toContainText("It has not been called yet");
  await page.keyboard.press("Escape");
  await expect(opener).toBeFocused();
});

test("a template becomes a draft by keyboard, which is saved and published", async ({ home: page }) => {
  await page.goto("/processes/new");
  await press(page, page.getByRole("button", { name: "Template" }));
  await press(page, page.getByRole("link", { name: "Meeting notes" }));
  await tabTo(page, page.getByLabel("Process name"));
  await page.keyboard.type("notes-by-keys");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Edit notes-by-keys" })).toBeVisible();
  await press(page, page.getByRole("button", { name: "Publish" }));
  await press(page, page.getByRole("dialog", { name: "Publish notes-by-keys" }).getByRole("button", { name: "Publish" }));
  await expect(page.getByRole("button", { name: "Run", exact: true })).toBeVisible();
});

test("what was typed outlives the death of the server, which the page tells", async ({ home: page, server }) => {
  test.setTimeout(120_000);
  const run = await server.run(await server.publish(ASKS("typed-upon")));
  await server.until(run, "paused");
  await page.goto("/approvals");
  await page.getByRole("link", { name: "Contract of typed-upon" }).click();
  await page.getByLabel("Comment").fill("Half a sentence");
  const connection = page.getByRole("status", { name: "Connection" });
  await expect(connection).toHaveText("Live");
  await server.kill();
  await expect(connection).toHaveText("Reconnecting…");
  await page.getByRole("button", { name: "Approve" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "The server can't be reached at the moment." }).first()).toBeVisible();
  await server.start();
  await expect(connection).toHaveText("Live");
  await expect(page.getByLabel("Comment")).toHaveValue("Half a sentence");
  await page.getByRole("button", { name: "Approve" }).click();
  await server.until(run, "completed");
});
