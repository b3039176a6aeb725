import { ASKS, expect, PASSWORD, signIn, test } from "./server";

test("a request is approved by key, and the next one opens", async ({ home: page, server }) => {
  const runs: string[] = [];
  for (const name of ["first-contract", "second-contract"]) {
    const run = await server.run(await server.publish(ASKS(name)));
    await server.until(run, "paused");
    runs.push(run);
  }
  await page.goto("/approvals");
  await expect(page.getByRole("heading", { level: 2, name: "Contract of first-contract" })).toBeVisible();
  await expect(page.getByRole("link", { name: /Approvals 2/ })).toBeVisible();
  await expect(page.getByRole("region", { name: "Output of draft" })).toContainText("The draft of a contract");
  await expect(page.getByRole("button", { name: "Approve" })).toHaveAccessibleDescription("The process goes on with “sign”.");
  await page.keyboard.press("a");
  await expect(page.getByRole("link", { name: /Approvals 1/ })).toBeVisible();
  await expect(page.getByRole("heading", { level: 2, name: "Contract of second-contract" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Reject" })).toBeEnabled();
  // A rejection needs a reason: the key leads to the field, and acts once it is written.
  await page.keyboard.press("r");
  await expect(page.getByLabel("Comment")).toBeFocused();
  await page.keyboard.type("a typo");
  await page.keyboard.press("Escape");
  await page.keyboard.press("r");
  await expect(page.getByText("Nothing waits for you")).toBeVisible();
  const states = await Promise.all(runs.map(async (run) => (await server.api("GET", `/api/executions/${run}`)).status));
  expect(states.toSorted()).toEqual(["completed", "failed"]);
  await page.getByRole("tab", { name: "Decided" }).click();
  await expect(page.getByRole("listitem").filter({ hasText: "Rejected" })).toHaveCount(1);
});

test("two people decide one request, and each sees the other's vote as it comes", async ({ home: page, server, browser }) => {
  await server.api("POST", "/api/users", { username: "pia", role: "approver", password: PASSWORD });
  const yaml = ASKS("by-two").replace("description:", "required_approvals: 2\n    description:");
  const run = await server.run(await server.publish(yaml));
  await server.until(run, "paused");
  const context = await browser.newContext({ baseURL: server.address });
  const other = await context.newPage();
  await signIn(other, server, "pia");
  await Promise.all([page.goto("/approvals?tab=open"), other.goto("/approvals")]);
  await expect(page.getByText("0 of 2")).toBeVisible();
  await expect(other.getByRole("button", { name: "Approve" })).toHaveAccessibleDescription(
    "1 more must approve before the process goes on.",
  );
  await other.getByLabel("Comment").fill("fine with me");
  await other.getByRole("button", { name: "Approve" }).click();
  await expect(page.getByText("1 of 2")).toBeVisible();
  await expect(page.getByRole("region", { name: "Decisions" })).toContainText("fine with me");
  await page.getByRole("button", { name: "Approve" }).click();
  await server.until(run, "completed");
  await context.close();
});

test("a request is passed on to someone else", async ({ home: page, server }) => {
  await server.api("POST", "/api/users", { username: "dele", role: "approver", password: PASSWORD });
  const run = await server.run(await server.publish(ASKS("passed-on").replace("description:", "assignees: [admin]\n    description:")));
  await server.until(run, "paused");
  await page.goto("/approvals");
  await page.getByRole("link", { name: "Contract of passed-on" }).click();
  await page.getByRole("button", { name: "Delegate" }).click();
  const dialog = page.getByRole("dialog", { name: "Delegate" });
  await dialog.getByLabel("To").fill("dele");
  await dialog.getByRole("button", { name: "Delegate" }).click();
  await expect(dialog).toHaveCount(0);
  await page.getByRole("tab", { name: "All open" }).click();
  await page.getByRole("link", { name: "Contract of passed-on" }).click();
  await expect(page.getByText("asks dele")).toBeVisible();
});
