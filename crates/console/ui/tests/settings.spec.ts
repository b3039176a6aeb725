import { expect, PASSWORD, signIn, test } from "./server";

test("people are added, given another role, and removed", async ({ home: page }) => {
  await page.goto("/settings");
  await page.getByRole("button", { name: "Add person" }).click();
  const dialog = page.getByRole("dialog", { name: "Add person" });
  await dialog.getByLabel("User name").fill("rosa");
  await dialog.getByLabel("Role").selectOption("viewer");
  await dialog.getByLabel("Password").fill(PASSWORD);
  await dialog.getByRole("button", { name: "Add person" }).click();
  const row = page.getByRole("row", { name: /rosa/ });
  await row.getByLabel("Role").selectOption("designer");
  await expect(row.getByLabel("Role")).toHaveValue("designer");
  await expect(page.getByRole("row", { name: /^admin/ }).getByRole("button", { name: "Remove" })).toBeDisabled();
  await row.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog", { name: "Remove rosa" }).getByRole("button", { name: "Remove" }).click();
  await expect(row).toHaveCount(0);
});

test("a key is made, works, and is revoked", async ({ home: page, server }) => {
  await page.goto("/settings?tab=api-keys");
  await page.getByRole("button", { name: "New key" }).click();
  const dialog = page.getByRole("dialog", { name: "New key" });
  await dialog.getByLabel("Name").fill("nightly import");
  await dialog.getByRole("button", { name: "Create" }).click();
  const key = (await dialog.getByText(/^procession_/).textContent()) ?? "";
  const ask = (): Promise<Response> => fetch(`${server.address}/api/users/me`, { headers: { authorization: `Bearer ${key}` } });
  expect((await ask()).status).toBe(200);
  await dialog.getByRole("button", { name: "Done" }).click();
  await page
    .getByRole("row", { name: /nightly import/ })
    .getByRole("button", { name: "Revoke" })
    .click();
  await expect(page.getByRole("row", { name: /nightly import/ })).toContainText("revoked");
  expect((await ask()).status).toBe(401);
});

test("theme and time zone are chosen and kept", async ({ home: page }) => {
  await page.goto("/runs");
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("menuitemradio", { name: "Dark" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("menuitem", { name: "Time zone…" }).click();
  const dialog = page.getByRole("dialog", { name: "Time zone" });
  await dialog.getByLabel("Time zone").fill("Mars/Olympus");
  await expect(dialog.getByLabel("Time zone")).toHaveAttribute("aria-invalid", "true");
  await dialog.getByLabel("Time zone").fill("Asia/Tokyo");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.goto("/processes");
  await page.goto("/settings?tab=about");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.getByRole("main").locator("time").first().focus();
  await expect(page.getByRole("tooltip")).toContainText("GMT+9");
});

test("who may only look is offered nothing else", async ({ page, server }) => {
  await server.api("POST", "/api/users", { username: "vic", role: "viewer", password: PASSWORD });
  await signIn(page, server, "vic");
  await page.goto("/processes");
  await expect(page.getByRole("link", { name: "nightly-report" })).toBeVisible();
  await expect(page.getByRole("link", { name: "New process" })).toHaveCount(0);
  await page.getByRole("link", { name: "nightly-report" }).click();
  await expect(page.getByRole("tab", { name: "Definition" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Run", exact: true })).toHaveCount(0);
  await page.goto("/settings");
  await expect(page.getByRole("tab")).toHaveText(["About"]);
});

test("the agents are listed with their health", async ({ home: page }) => {
  await page.goto("/agents");
  await expect(page.getByRole("row", { name: /writer.*Ready/ })).toBeVisible();
});
