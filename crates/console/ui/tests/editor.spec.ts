import { expect, test } from "./server";

const DRAFT = (name: string): string => `name: ${name}
version: 1
steps:
  - id: write
    type: agent_task
    agent: writer
    message: Write.
  - id: check
    type: agent_task
    agent: critic
    message: Check.
    depends_on: [wrte]
`;

test("problems stand where they are, and a fix is one press away", async ({ home: page }) => {
  await page.goto("/processes/new");
  await page.getByRole("button", { name: "Paste YAML" }).click();
  await page.getByLabel("Definition").fill(DRAFT("fixed"));
  const problems = page.getByRole("region", { name: "Problems" });
  const problem = problems.getByRole("button", { name: /^12:18 .*no step is called `wrte`/ });
  await expect(problem).toBeVisible();
  await expect(page.getByRole("button", { name: "check, error" })).toBeVisible();
  await problems.getByRole("button", { name: "Apply fix" }).click();
  await expect(problems).toContainText("No problems");
  await expect(page.getByLabel("Definition")).toContainText("depends_on: [write]");
  await page.getByRole("button", { name: "write, Agent task" }).click();
  await expect(page.getByLabel("Definition")).toBeFocused();
  await expect(page.getByRole("button", { name: "write, Agent task" })).toHaveAttribute("aria-current", "true");
  await page.keyboard.press("Control+s");
  await expect(page.getByRole("heading", { level: 1, name: "Edit fixed" })).toBeVisible();
});

test("what can be written is offered: keys, agents and steps", async ({ home: page }) => {
  await page.goto("/processes/new?from=paste");
  const text = page.getByLabel("Definition");
  await text.fill("name: offered\nsteps:\n  - id: one\n    type: agent_task\n    ");
  await page.keyboard.press("Control+End");
  await page.keyboard.type("agent: wri");
  await page.getByRole("option", { name: "writer" }).click();
  await expect(text).toContainText("agent: writer");
  await page.keyboard.press("Enter");
  await page.keyboard.type("mess");
  await expect(page.getByRole("option", { name: "message" })).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.type("age: x");
  await page.keyboard.press("Enter");
  await page.keyboard.type("depends_on: [o");
  await expect(page.getByRole("option", { name: "one" })).toBeVisible();
});

test("a change that someone else made meanwhile is shown before either is lost", async ({ home: page, server }) => {
  const made = await server.api("POST", "/api/processes", { yaml_content: DRAFT("shared").replace("wrte", "write") });
  await page.goto("/processes/shared/edit");
  const text = page.getByLabel("Definition");
  await expect(text).toContainText("name: shared");
  await text.click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("# mine");
  await server.api("PUT", `/api/processes/${made.id}`, { yaml_content: `${DRAFT("shared").replace("wrte", "write")}# theirs\n` });
  await page.keyboard.press("Control+s");
  const dialog = page.getByRole("dialog", { name: "The draft was changed meanwhile" });
  await expect(dialog).toContainText("# theirs");
  await expect(dialog).toContainText("# mine");
  await dialog.getByRole("button", { name: "Keep mine" }).click();
  await expect(page.getByRole("status", { name: "Draft" })).toHaveText("Saved");
  expect((await server.api("GET", `/api/processes/${made.id}`)).yaml_content).toContain("# mine");
});

test("a published process gets a new version, which shows what it changes before it is published", async ({ home: page, server }) => {
  await server.publish(DRAFT("grows").replace("wrte", "write"));
  await page.goto("/processes");
  await page.getByLabel("Search").fill("grows");
  await page.getByRole("link", { name: "grows" }).click();
  await expect(page.getByRole("button", { name: "check, Agent task" })).toBeVisible();
  await page.goto("/processes/grows/edit");
  await expect(page.getByText("There is no draft to edit")).toBeVisible();
  await page.getByRole("button", { name: "New version" }).click();
  const text = page.getByLabel("Definition");
  await expect(text).toContainText("name: grows");
  await text.click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("# what is new");
  await page.getByRole("button", { name: "Publish" }).click();
  const dialog = page.getByRole("dialog", { name: "Publish grows" });
  await expect(dialog).toContainText("# what is new");
  await dialog.getByRole("button", { name: "Publish" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "grows" })).toBeVisible();
  await expect(page.getByLabel("Version")).toContainText("2 · Published");
  await page.getByRole("button", { name: "Archive" }).click();
  await page.getByRole("dialog", { name: "Archive grows" }).getByRole("button", { name: "Archive" }).click();
  await expect(page.getByLabel("Version")).toContainText("2 · Archived");
});

test("a file is dropped on the list of processes", async ({ home: page }) => {
  await page.goto("/processes");
  await page.locator('input[type="file"]').setInputFiles({ name: "a.yaml", mimeType: "text/yaml", buffer: Buffer.from(DRAFT("dropped")) });
  await expect(page.getByLabel("Definition")).toContainText("name: dropped");
});
