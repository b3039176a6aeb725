import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import { ASKS, test } from "../tests/server";

const FOLDER = fileURLToPath(new URL("../../../../docs/images/", import.meta.url));

/** Waits until nothing moves any more, and takes the picture. */
async function picture(page: Page, name: string): Promise<void> {
  await page.waitForLoadState("networkidle");
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.screenshot({ path: `${FOLDER}console-${name}.png`, animations: "disabled", caret: "hide" });
}

test("the pictures of docs/console.md", async ({ home: page, server }) => {
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: "light" });
  const { processes } = await server.api("GET", "/api/processes");
  const run = async (name: string, input: object = {}): Promise<string> => {
    const found = processes.find((one) => one.name === name);
    return server.run(found?.id ?? "", input);
  };
  const article = await run("article-with-revision", { topic: "hand-overs between teams" });
  for (const name of ["market-analysis", "research-and-write", "nightly-report", "market-analysis"])
    await server.until(await run(name), "completed");
  await server.until(await run("contract-approval"), "paused");
  await server.until(article, "completed");

  await page.goto("/");
  await page.getByRole("region", { name: "Needs you" }).getByRole("link").first().waitFor();
  await picture(page, "overview");
  await page.goto("/runs");
  await page.getByRole("row").nth(3).waitFor();
  await picture(page, "runs");
  await page.goto(`/runs/${article}`);
  await page.getByRole("button", { name: "publish, Completed" }).waitFor();
  await picture(page, "run");
  await page.goto(`/runs/${article}?tab=timeline`);
  await page.getByRole("img").first().waitFor();
  await picture(page, "timeline");
  await page.goto("/approvals");
  await page.getByRole("button", { name: "Approve" }).waitFor();
  await picture(page, "approval");

  await page.goto(`/runs/${article}?at=14`);
  await page.getByText(/Event 14 of/).waitFor();
  await picture(page, "travel");
  await page.goto("/analytics");
  await page.getByRole("figure").first().waitFor();
  await picture(page, "analytics");
  await server.api("POST", "/api/processes", { yaml_content: ASKS("contract-by-agents") });
  await page.goto("/processes/contract-by-agents?tab=roles");
  await page.getByRole("button", { name: "draft, critic: none" }).click();
  await page.getByRole("button", { name: "draft, critic: executor" }).click();
  await picture(page, "roles");

  await page.emulateMedia({ colorScheme: "dark" });
  await page.goto("/processes/contract-by-agents");
  await page.getByRole("button", { name: "Try it" }).click();
  await page.getByRole("button", { name: "Simulate" }).click();
  await page.getByRole("region", { name: "Result" }).getByRole("button", { name: "sign, Completed" }).scrollIntoViewIfNeeded();
  await picture(page, "try");
  await page.goto("/processes/new?from=paste");
  const text = processes.find((one) => one.name === "article-with-revision");
  const { yaml_content: yaml } = await server.api("GET", `/api/processes/${text?.id ?? ""}`);
  await page.getByLabel("Definition").fill(yaml.replace("target: publish", "target: publsh"));
  await page.getByRole("button", { name: "Apply fix" }).waitFor();
  await page.getByRole("button", { name: "quality, error" }).waitFor();
  await picture(page, "editor");

  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`/runs/${article}?step=quality`);
  await page.getByRole("region", { name: "Conditions" }).waitFor();
  await picture(page, "phone");
});
