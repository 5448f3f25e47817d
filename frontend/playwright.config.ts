// The page in a real browser, against the real program: scripts/browser builds both and runs this.
//   pages   each page of a made-up home, without any server
//   life    an app's whole life on a server of its own
import { join } from "node:path";
import { defineConfig } from "@playwright/test";
import { launchOptions, scratch } from "./e2e/support/chromium";

export default defineConfig({
  testDir: "e2e",
  outputDir: join(scratch, "results"),
  workers: 1,
  retries: 0,
  forbidOnly: true,
  // A line for each test, and at the end how many passed, failed or did not run: scripts/test reads those.
  reporter: [["list"]],
  // Long, for machines that have much else to do: a test waits for what it is told, not for a clock.
  timeout: 180_000,
  expect: { timeout: 45_000 },
  use: {
    launchOptions,
    actionTimeout: 45_000,
    navigationTimeout: 45_000,
    screenshot: "only-on-failure",
    trace: "off",
    video: "off",
  },
  projects: [
    { name: "pages", testDir: "e2e/pages" },
    { name: "life", testDir: "e2e/life", timeout: 600_000 },
  ],
});
