// What the first visit costs: every byte that comes over the line, headers included.
import type { Page } from "@playwright/test";
import { expect, onSample, say, settled } from "./support/test";

const MOST_BYTES = 200_000;

async function weigh(page: Page): Promise<{ bytes: number; parts: Map<string, number> }> {
  const session = await page.context().newCDPSession(page);
  const weighed = { bytes: 0, parts: new Map<string, number>() };
  const names = new Map<string, string>();
  await session.send("Network.enable");
  session.on("Network.requestWillBeSent", (event) => names.set(event.requestId, new URL(event.request.url).pathname));
  session.on("Network.loadingFinished", (event) => {
    weighed.bytes += event.encodedDataLength;
    const name = names.get(event.requestId) ?? "?";
    weighed.parts.set(name, (weighed.parts.get(name) ?? 0) + event.encodedDataLength);
  });
  return weighed;
}

onSample("the first page comes with less than 200 kB", async ({ page }) => {
  const weighed = await weigh(page);
  await page.goto("/");
  await settled(page);
  const first = weighed.bytes;
  await expect(() => expect([...weighed.parts.keys()].join()).toContain("SettingsPage")).toPass();
  await page.waitForLoadState("load");
  for (const [name, bytes] of [...weighed.parts].sort(([, a], [, b]) => b - a).slice(0, 12)) {
    say(`${String(bytes).padStart(8)} B  ${name}`);
  }
  say(`first page ${first} B, with the code of all pages ${weighed.bytes} B`);
  expect(first).toBeGreaterThan(10_000);
  expect(first).toBeLessThan(MOST_BYTES);
});
