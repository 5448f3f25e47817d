// Every page and every window over one: with data, empty and failing; wide and on a phone; light and dark.
import { axe, commandsExist, look, sticksOut, withAxe } from "./support/look";
import { EMPTY_PLACES, PLACES, WINDOWS } from "./support/places";
import { expect, onEmpty, onSample, open, settled } from "./support/test";

onSample("axe, commands and width are really looked at", async ({ page }) => {
  await withAxe(page);
  await open(page, "/settings");
  await page.evaluate(() => {
    const wrong = document.createElement("div");
    wrong.innerHTML = `<img src="/favicon.svg"><div class="cmd"><code>infrakt fly --high</code></div><b>wide</b>`;
    document.querySelector("main")?.append(wrong);
    (wrong.lastChild as HTMLElement).style.cssText = "display: block; width: 3000px";
  });
  expect((await axe(page)).join()).toContain("image-alt");
  expect((await sticksOut(page)).join()).toContain("reaches");
  await expect(commandsExist(page)).rejects.toThrow("infrakt fly --high");
});

onSample.describe("with data", () => {
  for (const [name, address] of PLACES) {
    onSample(`${name} has nothing that axe finds, and fits`, async ({ page }) => {
      await withAxe(page);
      await open(page, address);
      await look(page, name);
    });
  }

  for (const window of WINDOWS) {
    onSample(`the window ${window.name} has nothing that axe finds, and fits`, async ({ page }) => {
      await withAxe(page);
      await open(page, window.address);
      for (const step of window.steps) {
        if (typeof step === "string") await page.getByRole("button", { name: step }).first().click();
        else if ("press" in step) await page.keyboard.press(step.press);
        else if ("fill" in step)
          for (const [field, text] of Object.entries(step.fill))
            await page.getByLabel(field, { exact: true }).fill(text);
        else await page.getByRole(step.item === true ? "menuitem" : "button", { name: step.menu }).click();
      }
      await page.locator("[role='dialog'], [role='alertdialog']").waitFor();
      await expect(page.locator("[role='dialog'] .skel")).toHaveCount(0);
      if (window.shows !== undefined) await expect(page.getByRole("heading", { name: window.shows })).toBeVisible();
      await look(page, `window-${window.name}`, { whole: false });
    });
  }
});

onEmpty.describe("new", () => {
  for (const [name, address] of EMPTY_PLACES) {
    onEmpty(`a new home's ${name} has nothing that axe finds, and fits`, async ({ page }) => {
      await withAxe(page);
      await open(page, address);
      await look(page, `empty-${name}`);
    });
  }

  onEmpty.describe("signed out", () => {
    onEmpty.use({ storageState: { cookies: [], origins: [] } });
    onEmpty("the door has nothing that axe finds, and fits", async ({ page }) => {
      await withAxe(page);
      await open(page, "/");
      await expect(page.getByRole("heading", { name: "Sign in to this home" })).toBeVisible();
      await look(page, "login");
      await page.getByLabel("With a key").fill("no such key");
      await page.getByRole("button", { name: "Sign in" }).click();
      await expect(page.getByText("This is no key of this home.")).toBeVisible();
      await look(page, "login-refused");
    });
  });
});

onSample.describe("failing", () => {
  for (const [name, address] of PLACES.filter(
    ([name]) => !/^job-|server-|not-found/.test(name) || name === "job-running",
  )) {
    onSample(`a failing ${name} has nothing that axe finds, and fits`, async ({ page }) => {
      await page.route(/\/api\/(?!session|health|events)/, (route) =>
        route.fulfill({
          status: 500,
          json: { detail: "the database is locked", code: "internal", request_id: "0199aa00c0de" },
        }),
      );
      await withAxe(page);
      await page.goto(address);
      await expect(page.getByRole("alert").first()).toContainText("did not come");
      await settled(page);
      await look(page, `failing-${name}`);
    });
  }
});
