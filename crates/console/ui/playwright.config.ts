import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

/** The machine's own browser; without one, the one that Playwright has installed. */
const browser = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => path !== undefined && existsSync(path),
);

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  // Each file has a server of its own; two of them keep a small machine busy.
  workers: 2,
  timeout: 60_000,
  globalTimeout: 18 * 60_000,
  expect: { timeout: 15_000 },
  forbidOnly: true,
  reporter: [["list"]],
  use: {
    viewport: { width: 1280, height: 800 },
    actionTimeout: 15_000,
    navigationTimeout: 30_000,
    trace: { mode: "retain-on-failure", screenshots: false, snapshots: true, sources: false },
    launchOptions: { executablePath: browser, args: ["--no-sandbox"] },
  },
});
