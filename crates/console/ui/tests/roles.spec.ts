import { ASKS, expect, test } from "./server";

test("roles go round by key, a full round changes nothing, and several rows are saved at once", async ({ home: page, server }) => {
  const made = await server.api("POST", "/api/processes", { yaml_content: ASKS("with-roles") });
  await page.goto("/processes/with-roles?tab=roles");
  const table = page.getByRole("table", { name: "Roles" });
  const own = table.getByRole("button", { name: "draft, echo: executor" });
  await expect(own).toBeDisabled();
  await expect(own).toHaveAttribute("title", /needs an executor/);
  await table.getByRole("button", { name: "draft, critic: none" }).focus();
  for (const role of ["executor", "monitor", "informed", "none"]) {
    await page.keyboard.press("Enter");
    await expect(table.getByRole("button", { name: `draft, critic: ${role}` })).toBeFocused();
  }
  await expect(page.getByRole("button", { name: "Save", exact: true })).toBeDisabled();
  await table.getByRole("checkbox", { name: "draft" }).check();
  await table.getByRole("checkbox", { name: "sign" }).check();
  await table.getByRole("button", { name: "sign, writer: none" }).click();
  await table.getByRole("button", { name: "sign, writer: executor" }).click();
  await expect(table.getByRole("button", { name: "draft, writer: monitor" })).toBeVisible();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("Saved", { exact: true })).toBeVisible();
  const stored = (await server.api("GET", `/api/processes/${made.id}`)).yaml_content;
  expect(stored.match(/monitors: \[writer\]/g)).toHaveLength(2);
  expect(stored.replaceAll(/\n {4}roles:\n {6}monitors: \[writer\]/g, "")).toBe(ASKS("with-roles"));
});
