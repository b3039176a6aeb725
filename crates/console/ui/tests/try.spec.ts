import { ASKS, expect, test } from "./server";

test("a draft is tried without anything leaving the server", async ({ home: page, server }) => {
  await server.api("POST", "/api/processes", { yaml_content: ASKS("tried") });
  await page.goto("/processes/tried/edit");
  await page.getByRole("button", { name: "Try it" }).click();
  const dialog = page.getByRole("dialog", { name: "Try it" });
  await dialog.getByLabel("draft", { exact: true }).fill("a stand-in draft");
  await dialog.getByLabel("Look at the draft").selectOption("Reject");
  await dialog.getByRole("button", { name: "Simulate" }).click();
  const result = dialog.getByRole("region", { name: "Result" });
  await expect(result.getByRole("status")).toContainText("Failed");
  await expect(result.getByRole("status")).toContainText("Estimated ");
  await expect(result.getByRole("button", { name: "draft, Completed", exact: true })).toBeVisible();
  await dialog.getByLabel("Look at the draft").selectOption("Approve");
  await dialog.getByRole("button", { name: "Simulate" }).focus();
  await page.keyboard.press("Enter");
  await expect(result.getByRole("button", { name: "sign, Completed" })).toBeVisible();
  await expect(result).toContainText("The **draft** of a contract");
  await result.getByRole("button", { name: "draft, Completed", exact: true }).click();
  await expect(result.getByRole("region", { name: "draft" })).toContainText("a stand-in draft");
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Try it" })).toBeFocused();
  expect((await server.api("GET", "/api/executions?process_name=tried")).total).toBe(0);
});

test("a template is seen before it is used, and opens in the editor", async ({ home: page, server }) => {
  await server.api("POST", "/api/process-templates", {
    name: "two-drafts",
    description: "Write, and write again",
    category: "writing",
    parameters: [{ name: "tone", type: "string", required: true, enum: ["dry", "warm"] }],
    definition_yaml: 'name: "{{name}}"\nsteps:\n  - {id: write, agent: writer, message: "Write in a {{param.tone}} tone"}\n',
  });
  await page.goto("/processes/new");
  await page.getByRole("button", { name: "Template" }).click();
  await page.getByLabel("Search").fill("two-dr");
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "two-drafts" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("region", { name: "Preview" }).getByRole("button", { name: "write, Agent task" })).toBeVisible();
  await page.getByRole("button", { name: "Use template" }).click();
  await expect(page.getByLabel("Process name")).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByLabel("tone")).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("Process name").fill("from-a-template");
  await page.getByLabel("tone").selectOption("dry");
  await page.getByRole("button", { name: "Use template" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Edit from-a-template" })).toBeVisible();
  await expect(page.getByLabel("Definition")).toContainText("Write in a dry tone");
});

test("a process is kept as a template", async ({ home: page, server }) => {
  await server.publish(ASKS("worth-keeping"));
  await page.goto("/processes/worth-keeping");
  await page.getByRole("button", { name: "Save as template" }).click();
  const dialog = page.getByRole("dialog", { name: "Save as template" });
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByRole("link", { name: "See all templates" }).click();
  await expect(page.getByRole("link", { name: "worth-keeping" })).toBeVisible();
});
