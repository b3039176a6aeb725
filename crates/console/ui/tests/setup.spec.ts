import { expect, test as base } from "@playwright/test";
import { PASSWORD, Server } from "./server";

const test = base.extend<object, { server: Server }>({
  server: [
    async ({}, use) => {
      const server = new Server();
      await server.start({ isNew: true });
      await use(server);
      await server.stop();
    },
    { scope: "worker" },
  ],
  baseURL: async ({ server }, use) => use(server.address),
});

test("from a new server to a first run by what the pages say, in under two minutes", async ({ page }) => {
  const began = Date.now();
  await page.goto("/runs");
  await expect(page.getByRole("heading", { level: 1, name: "Set up Procession" })).toBeVisible();
  await page.getByLabel("Password", { exact: true }).fill("short");
  await page.getByLabel("Repeat the password").fill(PASSWORD);
  await page.getByRole("button", { name: "Set up" }).click();
  await expect(page.getByLabel("Password", { exact: true })).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Set up" }).click();

  // One comes where one wanted to go; the empty page says what comes next.
  await expect(page.getByRole("heading", { level: 1, name: "Runs" })).toBeVisible();
  await page.getByRole("link", { name: "Choose a process" }).click();
  await page.getByRole("link", { name: "New process" }).click();
  await page.getByRole("button", { name: "Blank" }).click();
  await expect(page.getByRole("region", { name: "Problems" })).toContainText("No problems");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Edit my-process" })).toBeVisible();
  await page.getByRole("button", { name: "Publish" }).click();
  await page.getByRole("dialog", { name: "Publish my-process" }).getByRole("button", { name: "Publish" }).click();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Run my-process" });
  await dialog.getByRole("button", { name: "Run" }).click();
  await expect(dialog.getByLabel("topic")).toHaveAttribute("aria-invalid", "true");
  await dialog.getByLabel("topic").fill("tea");
  await dialog.getByRole("button", { name: "Run" }).click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}/);
  await expect(page.getByRole("button", { name: "write, Completed" })).toBeVisible();
  expect(Date.now() - began).toBeLessThan(120_000);
});

test("a wrong password is told, and signing out leads back to the form", async ({ page }) => {
  await page.goto("/settings?tab=about");
  await page.getByLabel("User name").fill("admin");
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText("Incorrect username or password");
  await expect(page.getByRole("alert")).toContainText("Request ");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/settings\?tab=about/);
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();
  expect(await page.context().cookies()).toEqual([]);
});
