/** A run of 1,000 steps and one of 10,000 events, as a person meets them: how soon, how smoothly, how much memory. */

import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, type Page, test } from "@playwright/test";
import { Server, signIn } from "../tests/server";
import { elementsIn, framesWhileScrolling, memoryOf, notePainting, timeUntilPainted, watchFrames } from "./frames";

const TABLE = fileURLToPath(new URL("../../../../xtask/bench/console.md", import.meta.url));
const STEPS = 1_000;
const EVENTS = 10_000;

const AGENTS = `agents:
  echo: {kind: echo}
  slow:
    kind: script
    replies: [{reply: done, delay: 20ms}]
  stumbles:
    kind: script
    replies: [{fail: {code: AGENT_ERROR, times: 4, message: not yet}, reply: done}]
`;

/** A process of so many steps by an agent, in rows of ten that follow each other. */
function wide(name: string, agent: string): string {
  const lines = Array.from({ length: STEPS }, (_, at) => {
    const after = at < 10 ? "" : `, depends_on: [s${at - 10}]`;
    return `  - {id: s${at}, type: agent_task, agent: ${agent}, message: "step ${at}", retry: {max_attempts: 5, initial_delay: 1ms}${after}}`;
  });
  return `name: ${name}\nversion: 1\nsteps:\n${lines.join("\n")}\n`;
}

/** The tabs of a run, what is seen first in each, and what of it is scrolled. */
const TABS = [
  {
    tab: "graph",
    first: 'section[aria-label="Graph"] button[data-node]',
    scrolled: 'section[aria-label="Graph"] > .overflow-auto',
    axis: "x",
  },
  { tab: "timeline", first: '[aria-label="Time line"] [role="img"]', scrolled: '[aria-label="Time line"]', axis: "y" },
  { tab: "steps", first: "main table tbody a", scrolled: "", axis: "y" },
  { tab: "events", first: '[aria-label="Event history"] [role="listitem"]', scrolled: '[aria-label="Event history"]', axis: "y" },
] as const;

const rows: string[][] = [["what", "shown after", "frames a second, scrolling", "longest frame", "elements", "scripts' memory"]];

async function measure(page: Page, what: string, run: string): Promise<void> {
  for (const { tab, first, scrolled, axis } of TABS) {
    const own = await page.context().newPage();
    await notePainting(own, first);
    const painted = await timeUntilPainted(own, `/runs/${run}?tab=${tab}`, first);
    const frames = await framesWhileScrolling(own, scrolled, axis);
    const elements = await elementsIn(own);
    const memory = await memoryOf(own);
    rows.push([
      `${what}: ${tab}`,
      `${Math.round(painted)} ms`,
      frames.rate.toFixed(0),
      `${Math.round(frames.longest)} ms`,
      String(elements),
      `${(memory / 1e6).toFixed(1)} MB`,
    ]);
    expect.soft(elements, tab).toBeLessThan(6_000);
    await own.close();
  }
}

function table(): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]): string => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join("\n");
}

test("large runs in the console", async ({ browser }) => {
  const load = loadavg()[0]!.toFixed(2);
  const server = new Server();
  writeFileSync(join(server.folder, "agents.yaml"), AGENTS);
  await server.start();
  try {
    const context = await browser.newContext({ baseURL: server.address, viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    await signIn(page, server);
    const large = await server.run(await server.publish(wide("thousand", "echo")));
    await server.until(large, "completed");
    const long = await server.run(await server.publish(wide("ten-thousand", "stumbles")));
    await server.until(long, "completed");
    const { headers } = await fetchEvents(server, long);
    const events = Number(headers.get("x-total-count"));
    expect(events).toBeGreaterThanOrEqual(EVENTS);
    await measure(page, "1,000 steps", large);
    await measure(page, `${events.toLocaleString("en")} events`, long);

    // Watched while it happens: its steps take a moment each, ten side by side.
    const live = await server.run(await server.publish(wide("coming-in", "slow")));
    await page.goto(`/runs/${live}`);
    await page.locator('section[aria-label="Graph"] button[data-node]').first().waitFor();
    const longest = await watchFrames(page);
    await server.until(live, "completed");
    const coming = Math.round(await longest());

    const text = `## The console with large runs

Taken on ${new Date().toISOString().slice(0, 10)} with \`npm run measure\` in \`crates/console/ui\`: Chromium without a screen at 1440 × 900, ${cpus().length} processors
that it shares with the server; load average of the machine when it began: ${load}. *Shown after*: from the start of the navigation until heading and first screenful of the tab are
painted, the best of three with the page's files known. Targets: under 1 s, 50 frames a second, at most 6,000 elements. While
1,000 steps come in, the longest frame of the open graph is ${coming} ms; target: under 500 ms.

${table()}
`;
    writeFileSync(TABLE, text);
    process.stdout.write(text);
  } finally {
    await server.stop();
  }
});

async function fetchEvents(server: Server, run: string): Promise<Response> {
  const form = new URLSearchParams({ username: "admin", password: "correct horse" });
  const session = (await (await fetch(`${server.address}/api/token`, { method: "POST", body: form })).json()) as { access_token: string };
  return fetch(`${server.address}/api/executions/${run}/events?limit=1`, { headers: { authorization: `Bearer ${session.access_token}` } });
}
