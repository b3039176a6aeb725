import AxeBuilder from "@axe-core/playwright";
import { ASKS, expect, test } from "./server";

/** Every page, in the state in which it shows the most. */
async function addresses(server: Parameters<Parameters<typeof test>[2]>[0]["server"]): Promise<string[]> {
  const run = await server.run(await server.publish(ASKS(`seen-${Date.now()}`)));
  await server.until(run, "paused");
  const tabs = ["timeline", "steps", "events", "input", "output"].map((tab) => `/runs/${run}?tab=${tab}`);
  return [
    "/",
    "/runs",
    `/runs/${run}`,
    ...tabs,
    `/runs/${run}?step=draft`,
    "/approvals",
    "/processes",
    "/processes/nightly-report",
    "/processes/nightly-report?tab=definition",
    "/processes/nightly-report?tab=runs",
    "/processes/nightly-report?tab=triggers",
    "/processes/nightly-report?run=1",
    "/processes/new",
    "/processes/new?from=blank",
    "/agents",
    "/settings",
    "/settings?tab=api-keys",
    "/settings?tab=about",
    "/nothing-here",
  ];
}

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [1280, 380]) {
    test(`axe finds nothing in ${colorScheme} at ${width} px, and nothing is wider than the page`, async ({ home: page, server }) => {
      test.setTimeout(300_000);
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      for (const address of await addresses(server)) {
        await page.goto(address);
        // Behind a dialog it is there, but not for assistive technology.
        await page.locator("h1").waitFor();
        await expect(page.getByText("Being checked…")).toHaveCount(0);
        await page.waitForLoadState("networkidle");
        const { violations } = await new AxeBuilder({ page }).analyze();
        const told = violations.flatMap((one) =>
          one.nodes.map((node) => `${address}: ${one.help}: ${node.html.slice(0, 200)} ${node.failureSummary}`),
        );
        expect(told).toEqual([]);
        const overhang = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect(overhang, address).toBeLessThanOrEqual(0);
      }
    });
  }
}
