// The tests' ground: a home, the real program on it, and a browser that is logged in.
import { test as base, type Page } from "@playwright/test";
import { dress, Streams } from "./dress";
import { type Filling, Place } from "./place";

export { expect } from "@playwright/test";

function on(filling: Filling) {
  return base.extend<{ dressed: boolean }, { place: Place; streams: Streams }>({
    place: [
      // biome-ignore lint/correctness/noEmptyPattern: Playwright reads from the pattern what a fixture needs
      async ({}, use) => {
        const place = await Place.make(filling);
        await use(place);
        await place.remove();
      },
      { scope: "worker", timeout: 180_000 },
    ],
    streams: [
      // biome-ignore lint/correctness/noEmptyPattern: as above
      async ({}, use) => {
        const streams = await Streams.start();
        await use(streams);
        await streams.stop();
      },
      { scope: "worker" },
    ],
    /** Whether the made-up servers answer, as far as a test says nothing else. */
    dressed: [true, { option: true }],
    baseURL: async ({ place }, use) => use(place.url),
    storageState: async ({ place, browser }, use) => use(await place.login(browser)),
    context: async ({ context, streams, dressed }, use) => {
      if (dressed) await dress(context, streams);
      await use(context);
    },
  });
}

export const onSample = on("sample");
export const onEmpty = on("empty");
export const onMany = on("many");

/** Opens an address of the page and waits until what was asked for is there, or was refused. */
export async function open(page: Page, to: string): Promise<void> {
  await page.goto(to);
  await settled(page);
}

export async function settled(page: Page): Promise<void> {
  await page.locator("h1").first().waitFor();
  await page.waitForFunction(() => document.querySelector("[aria-busy='true']") === null);
  await page.evaluate(() => document.fonts.ready);
}

/** Answers that do not come before they are let through. */
export async function held(page: Page, asked: RegExp): Promise<() => void> {
  let through: () => void = () => undefined;
  const later = new Promise<void>((now) => {
    through = now;
  });
  await page.route(asked, async (route) => {
    await later;
    await route.fallback();
  });
  return through;
}

/** A figure for whoever reads the run. */
export function say(line: string): void {
  process.stdout.write(`  ${line}\n`);
}
