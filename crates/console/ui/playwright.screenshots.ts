import { defineConfig } from "@playwright/test";
import tests from "./playwright.config";

/** Writes the pictures of docs/console.md. */
export default defineConfig({ ...tests, testDir: "screenshots", workers: 1, timeout: 300_000 });
