import AxeBuilder from "@axe-core/playwright";
import { ASKS, expect, type Server, test } from "./server";

/** Every page, in the state in which it shows the most. */
const PAGES: Record<string, (run: string, other: string) => string[]> = {
  "the overview and the list of runs": (run, other) => ["/", "/runs", `/compare?a=${run}&b=${other}`, "/approvals", "/nothing-here"],
  "a run": (run) => [
    ...["graph", "timeline", "steps", "events", "input", "output"].map((tab) => `/runs/${run}?tab=${tab}`),
    `/runs/${run}?at=2`,
    `/runs/${run}?step=draft`,
  ],
  processes: () => [
    "/processes",
    ...["overview", "definition", "runs", "triggers", "roles", "analytics"].map((tab) => `/processes/nightly-report?tab=${tab}`),
    "/processes/nightly-report?run=1",
  ],
  "new processes": () => [
    "/processes/new",
    "/processes/new?from=blank",
    "/processes/new?from=template",
    "/processes/new?from=template&template=process:meeting-notes",
  ],
  "the pages of operators": () => ["/schedules", "/analytics", "/agents", "/deliveries", "/audit", "/help/recipes"],
  settings: () => ["people", "api-keys", "notifications", "limits", "retention", "about"].map((tab) => `/settings?tab=${tab}`),
};

/** Two runs of one process that wait for a person. */
async function paused(server: Server): Promise<[string, string]> {
  const process = await server.publish(ASKS(`seen-${Date.now()}`));
  const runs: [string, string] = [await server.run(process), await server.run(process)];
  for (const run of runs) await server.until(run, "paused");
  return runs;
}

for (const [name, addresses] of Object.entries(PAGES)) {
  test(`axe finds nothing in ${name}, light and dark, wide and narrow, and nothing is wider than the page`, async ({
    home: page,
    server,
  }) => {
    test.setTimeout(300_000);
    const runs = await paused(server);
    for (const address of addresses(...runs)) {
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.goto(address);
      // Behind a dialog it is there, but not for assistive technology.
      await page.locator("h1").waitFor();
      await expect(page.getByText("Being checked…")).toHaveCount(0);
      await page.waitForLoadState("networkidle");
      for (const width of [1440, 380]) {
        await page.setViewportSize({ width, height: 800 });
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme });
          const { violations } = await new AxeBuilder({ page }).analyze();
          const told = violations.flatMap((one) =>
            one.nodes.map((node) => `${address} ${width} ${colorScheme}: ${one.help}: ${node.html.slice(0, 200)} ${node.failureSummary}`),
          );
          expect.soft(told).toEqual([]);
        }
        const overhang = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect.soft(overhang, `${address} ${width}`).toBeLessThanOrEqual(0);
      }
    }
  });
}
