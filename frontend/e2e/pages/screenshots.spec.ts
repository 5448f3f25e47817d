// The pictures that the documentation shows. INFRAKT_SCREENSHOTS=DIR keeps them there.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { WIDE } from "./support/look";
import { smaller } from "./support/png";
import { expect, onSample, open } from "./support/test";

const DIR = process.env.INFRAKT_SCREENSHOTS;
const MOST_BYTES = 120_000;

const KEPT: [name: string, address: string, then?: (page: Page) => Promise<void>][] = [
  ["dashboard", "/"],
  ["jobs", "/jobs"],
  ["job-running", "/jobs/412"],
  ["job-failed", "/jobs/407"],
  ["job-asks", "/jobs/409"],
  ["app", "/apps/prod-1/web"],
  ["environment", "/apps/prod-1/web/env"],
  ["server", "/servers/prod-1"],
  [
    "palette",
    "/",
    async (page) => {
      await page.keyboard.press("/");
      await expect(page.getByRole("combobox")).toBeFocused();
      await page.keyboard.type("web");
      await expect(page.getByRole("option").first()).toBeVisible();
    },
  ],
];

onSample("the documentation's pictures", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(WIDE);
  for (const [name, address, then] of KEPT) {
    await open(page, address);
    await then?.(page);
    await page.mouse.move(0, 0);
    const drawn = smaller(await page.screenshot({ animations: "disabled", caret: "hide" }));
    expect.soft(drawn.length, name).toBeLessThan(MOST_BYTES);
    if (DIR === undefined) continue;
    mkdirSync(DIR, { recursive: true });
    writeFileSync(join(DIR, `${name}.png`), drawn);
  }
});
