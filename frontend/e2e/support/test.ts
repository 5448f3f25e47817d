// What the tests of the page stand on: a served home, made when a test first asks for it and gone with the last one.
import { test as base } from "@playwright/test";
import { Infrakt } from "./serve";

export { expect } from "@playwright/test";

export const test = base.extend<object, { infrakt: Infrakt }>({
  infrakt: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads from the pattern what a fixture needs
    async ({}, use) => {
      const infrakt = await Infrakt.start();
      await use(infrakt);
      await infrakt.stop();
    },
    { scope: "worker" },
  ],
});
