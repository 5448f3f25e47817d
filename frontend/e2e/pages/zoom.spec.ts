// Enlarged to 200 %, and for those to whom nothing must move.
import { picture, sticksOut, ZOOMED } from "./support/look";
import { PLACES } from "./support/places";
import { expect, onSample, open } from "./support/test";

onSample.describe("enlarged", () => {
  onSample.use({ viewport: ZOOMED, deviceScaleFactor: 2 });
  onSample("at 200 % no page scrolls sideways", async ({ page }) => {
    for (const [name, address] of PLACES) {
      await open(page, address);
      expect.soft(await sticksOut(page), name).toEqual([]);
      await picture(page, `zoomed-${name}`, false);
    }
  });

  onSample("at 200 % a window is reached whole", async ({ page }) => {
    await open(page, "/servers?new");
    const add = page.getByRole("dialog").getByRole("button", { name: "Add server" });
    await add.scrollIntoViewIfNeeded();
    await expect(add).toBeInViewport();
    await picture(page, "zoomed-window-add-server", false);
  });
});

onSample("nothing moves where the system asks for that", async ({ page }) => {
  for (const address of ["/", "/jobs/412", "/jobs"]) {
    await page.emulateMedia({ reducedMotion: "no-preference" });
    await open(page, address);
    const moving = () =>
      page.evaluate(
        () => document.getAnimations().filter((one) => one.effect?.getTiming().iterations === Infinity).length,
      );
    await expect.poll(moving, `${address}: what runs turns`).toBeGreaterThan(0);
    await page.emulateMedia({ reducedMotion: "reduce" });
    await expect.poll(moving, address).toBe(0);
  }
});
