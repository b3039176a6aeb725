import { defineConfig } from "@playwright/test";
import tests from "./playwright.config";

/** Measures pages with much on them, and writes the table of docs/performance.md. */
export default defineConfig({ ...tests, testDir: "measure", workers: 1, timeout: 900_000, globalTimeout: 1_800_000 });
