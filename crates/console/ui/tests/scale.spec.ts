import { expect, test } from "./server";

/** A process of so many agent tasks, in rows of ten that follow each other. */
function wide(name: string, steps: number): string {
  const lines = Array.from({ length: steps }, (_, at) => {
    const after = at < 10 ? "" : `, depends_on: [s${at - 10}]`;
    return `  - {id: s${at}, type: agent_task, agent: echo, message: "step ${at}"${after}}`;
  });
  return `name: ${name}\nversion: 1\nsteps:\n${lines.join("\n")}\n`;
}

test("a run of 1,000 steps opens, scrolls and stays small in the document", async ({ home: page, server }) => {
  test.setTimeout(240_000);
  const run = await server.run(await server.publish(wide("thousand", 1_000)));
  await server.until(run, "completed");
  await page.goto(`/runs/${run}`);
  await expect(page.getByRole("button", { name: "s0, Completed", exact: true })).toBeVisible();
  const size = (): Promise<number> => page.evaluate(() => document.querySelectorAll("*").length);
  expect(await size()).toBeLessThan(6_000);
  for (const [tab, shown] of [
    ["steps", page.getByRole("link", { name: "s0", exact: true })],
    ["timeline", page.getByRole("img", { name: "s0: attempt 1, completed", exact: false }).first()],
    ["events", page.getByRole("button", { name: "Payload" }).first()],
  ] as const) {
    await page.goto(`/runs/${run}?tab=${tab}`);
    await expect(shown).toBeVisible();
    expect(await size(), tab).toBeLessThan(6_000);
  }
  // The history is longer than a page of the API, and its end is reached.
  await page.getByLabel("Filter events").fill("ProcessCompleted");
  await expect(page.getByRole("main").getByRole("listitem")).toHaveCount(1);
  await page.goto(`/runs/${run}?at=500`);
  await expect(page.getByText(/Event 500 of \d+: /)).toBeVisible();
});
