// infrakt away, slow, refusing: each page says so, keeps what it knows, and comes back by itself or by its button.
import type { Page, Route } from "@playwright/test";
import { expect, held, onSample, open, settled } from "./support/test";

const ASKED = /\/api\/(?!session|health|events)/;

/** Pages with what they ask for themselves, and something that is there when they have it. */
const PAGES: [address: string, there: string][] = [
  ["/", "Look here first"],
  ["/servers", "prod-2"],
  ["/servers/prod-1", "one job at a time on this server"],
  ["/apps", "preview.example.com"],
  ["/apps/prod-1/web", "Last deployments"],
  ["/apps/prod-1/web/deployments", "Move to Node 22"],
  ["/apps/prod-1/web/env", "JWT_PRIVATE_KEY"],
  ["/databases", "postgres:17"],
  ["/jobs", "deploy preview"],
  ["/jobs/401", "HEAD is now at 9d01b7e"],
  ["/settings", "deploy, restart, set variables"],
];

const REFUSALS: [what: string, refuse: (route: Route) => Promise<void>, said: string][] = [
  [
    "500",
    (route) =>
      route.fulfill({
        status: 500,
        json: { detail: "the disk is full", code: "internal", request_id: "0199aa00c0de" },
      }),
    "infrakt could not do it: the disk is full.",
  ],
  [
    "429",
    (route) =>
      route.fulfill({
        status: 429,
        headers: { "Retry-After": "7" },
        json: { detail: "too many", code: "too_many_attempts", request_id: "0199aa00c0de" },
      }),
    "Too many requests; try again in 7 s.",
  ],
  ["no answer", (route) => route.abort("connectionrefused"), "infrakt does not answer. Is infrakt serve running?"],
];

for (const [what, refuse, said] of REFUSALS) {
  onSample(`each page says that it met ${what}, and comes back by its button`, async ({ page }) => {
    for (const [address, there] of PAGES) {
      await page.route(ASKED, refuse);
      await page.goto(address);
      const trouble = page.locator("main").getByRole("alert");
      await expect(trouble.first(), address).toContainText(said);
      if (what !== "no answer") await expect(trouble.first()).toContainText("request 0199aa00c0de");
      await page.unroute(ASKED, refuse);
      // Each part of a page has a button of its own; what comes after it may still have failed before.
      await expect(async () => {
        const again = page.getByRole("button", { name: "Try again" });
        if ((await again.count()) > 0) await again.first().click({ timeout: 1_000 });
        await expect(trouble).toHaveCount(0, { timeout: 300 });
      }).toPass();
      await expect(page.locator("main").getByText(there).first(), address).toBeVisible();
    }
  });
}

onSample("a slow infrakt is waited for with a word, and then all is there", async ({ page }) => {
  const rest = await held(page, ASKED);
  const session = await held(page, /\/api\/session/);
  await page.goto("/apps/prod-1/web");
  await expect(page.getByText("Asking infrakt …")).toBeVisible();
  session();
  await expect(page.locator("[aria-busy='true']").first()).toBeVisible();
  rest();
  await expect(page.getByRole("heading", { level: 1, name: "web" })).toBeVisible();
  await expect(page.getByText("Last deployments")).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(0);
  await page.unrouteAll({ behavior: "ignoreErrors" });
});

onSample("what takes very long is said to take long", async ({ page }) => {
  const answer = await held(page, /\/api\/keys/);
  await page.goto("/settings");
  await expect(page.getByText("This takes longer than usual.")).toBeVisible();
  answer();
  await expect(page.getByText("deploy, restart, set variables")).toBeVisible();
  await expect(page.getByText("This takes longer than usual.")).toHaveCount(0);
});

const sign = (page: Page) => page.locator("header .live");

onSample.describe("ended", () => {
  onSample(
    "an ended infrakt is told at once, what was known stays and is called old, and all comes back by itself",
    async ({ page, place }) => {
      await open(page, "/apps");
      await expect(sign(page)).toHaveText("live");
      // The code of the other pages comes behind the first one.
      await page.waitForFunction(() =>
        performance.getEntriesByType("resource").some((one) => one.name.includes("SettingsPage")),
      );
      await place.stop();
      try {
        await expect(sign(page)).toContainText("reconnecting");
        await expect(sign(page)).toContainText(/offline since \d\d:\d\d, showing what was known/);
        await expect(page.locator("main.is-old")).toBeVisible();
        await expect(page.getByText("preview.example.com")).toBeVisible();
        // A page that was never open: its own question fails, and it says so.
        await page.getByRole("link", { name: "Settings" }).click();
        await expect(page.getByRole("alert")).toContainText("infrakt does not answer");
        // What is to be done now is refused in words, and nothing that was typed is lost.
        await page.getByRole("button", { name: "New key" }).click();
        await page.getByRole("dialog").getByLabel("Name").fill("builder");
        await page.getByRole("button", { name: "Make key" }).click();
        await expect(page.getByRole("dialog").getByRole("alert")).toContainText("infrakt does not answer");
        await expect(page.getByRole("dialog").getByLabel("Name")).toHaveValue("builder");
        await page.keyboard.press("Escape");
      } finally {
        await place.start();
      }
      await expect(sign(page)).toHaveText("live");
      await expect(page.getByRole("alert")).toHaveCount(0);
      await expect(page.getByText("deploy, restart, set variables")).toBeVisible();
      await expect(page.locator("main.is-old")).toHaveCount(0);
    },
  );

  onSample("whoever does not want to wait tries the line at once", async ({ page, place }) => {
    await page.clock.install();
    await open(page, "/jobs");
    await expect(sign(page)).toHaveText("live");
    await place.stop();
    try {
      await expect(sign(page)).toContainText("offline since");
      // No try comes by itself any more: the page's clock stands.
      await page.clock.pauseAt(Date.now() + 5_000);
    } finally {
      await place.start();
    }
    await expect(async () => {
      // Nothing is waited for while a try is under way.
      const now = page.getByRole("button", { name: /offline since/ });
      if ((await now.count()) > 0) await now.click({ timeout: 2_000 });
      await expect(sign(page)).toHaveText("live", { timeout: 2_000 });
    }).toPass();
  });
});

onSample(
  "a page whose code does not come leaves the others standing, and is loaded again by its button",
  async ({ page }) => {
    await page.route(/\/assets\/DatabasesPage/, (route) => route.abort("connectionrefused"));
    await open(page, "/apps");
    await page.getByRole("link", { name: "Databases" }).click();
    await expect(page.getByRole("alert")).toContainText("The code of this page did not come.");
    await page.getByRole("link", { name: "Servers" }).click();
    await expect(page.getByText("prod-2").first()).toBeVisible();
    await page.getByRole("link", { name: "Databases" }).click();
    await page.unrouteAll();
    await page.getByRole("button", { name: "Load it again" }).click();
    await expect(page.getByText("postgres:17")).toBeVisible();
  },
);

onSample(
  "a session that has ended leads to the door and back to where one was, with what was typed",
  async ({ page, place }) => {
    await open(page, "/servers?new");
    const dialog = page.getByRole("dialog", { name: "Add a server" });
    await dialog.getByLabel("Name").fill("typed-before");
    place.forgetSessions();
    await dialog.getByRole("button", { name: "Add server" }).click();
    await expect(page.getByRole("heading", { name: "Sign in to this home" })).toBeVisible();
    await page.getByLabel("With a key").fill(place.key);
    await page.keyboard.press("Enter");
    await expect(dialog.getByLabel("Name")).toHaveValue("typed-before");
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toMatch(/^\/servers\?new/);
  },
);

onSample("a page that is loaded without a session shows the door, then that page", async ({ browser, place }) => {
  const context = await browser.newContext({ storageState: { cookies: [], origins: [] } });
  const page = await context.newPage();
  await page.goto("/jobs?state=ended&server=prod-1");
  await page.getByLabel("With a key").fill(place.key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await settled(page);
  await expect(page.getByText("9 steps").or(page.getByText("5 steps")).first()).toBeVisible();
  expect(page.url()).toBe(`${place.url}/jobs?state=ended&server=prod-1`);
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Sign in to this home" })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("heading", { name: "Sign in to this home" })).toBeVisible();
  await context.close();
});

onSample.describe("with servers that do not answer", () => {
  onSample.use({ dressed: false });
  onSample("a server and an app say what could not be seen, and show the rest", async ({ page, place }) => {
    await open(page, "/servers/prod-2");
    await expect(page.getByRole("alert")).toContainText("The figures did not come.");
    await expect(page.getByRole("button", { name: "Try again" })).toBeVisible();
    await expect(page.getByText("blog.example.com")).toBeVisible();
    await open(page, "/apps/prod-2/docs");
    await expect(page.getByText("The containers could not be seen.")).toBeVisible();
    await expect(page.getByText("Explain health checks").first()).toBeVisible();
    place.sql("UPDATE server_ext SET last_error = NULL WHERE server_id = 2;");
  });
});
