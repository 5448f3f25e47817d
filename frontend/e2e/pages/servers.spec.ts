// Servers: a new one's host key is agreed to before anything is recorded; what is known of one is shown as far as it is.
import type { Page } from "@playwright/test";
import { SEEN, statusOf } from "./support/dress";
import { picture } from "./support/look";
import { expect, onEmpty, onSample, open } from "./support/test";

const question = (page: Page) => page.getByRole("region", { name: "Is this your server?" });
const away = (page: Page) => page.getByRole("region", { name: "It does not answer" });

async function fill(page: Page, host: string, port = "22"): Promise<void> {
  await page.getByLabel("Name", { exact: true }).fill("new-1");
  await page.getByLabel("Host", { exact: true }).fill(host);
  await page.getByLabel("Port", { exact: true }).fill(port);
}

const recorded = async (page: Page) => (await page.request.get("/api/servers/new-1")).status();

onSample("the key that a new server shows is agreed to by keyboard alone, or nothing is recorded", async ({ page }) => {
  let asked: unknown = null;
  await page.route(/\/api\/servers$/, (route) => {
    if (route.request().method() !== "POST") return route.fallback();
    asked = route.request().postDataJSON();
    const detail = "new-1 shows the host key ssh-ed25519 SHA256:other";
    return route.fulfill({ status: 409, json: { detail, code: "host_key_mismatch", request_id: "0199aa00c0de" } });
  });
  await open(page, "/servers?new");
  await fill(page, "203.0.113.10");
  await page.keyboard.press("Enter");
  await expect(question(page)).toContainText("ssh-ed25519");
  await expect(question(page)).toContainText(SEEN.fingerprint);
  await expect(question(page)).toContainText("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
  // What is pressed before the question was read answers nothing.
  await expect(page.getByRole("heading", { name: "Is this your server?" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(question(page)).toBeVisible();
  for (const name of ["copy fingerprint", "copy command", "No"]) {
    await page.keyboard.press("Tab");
    await expect(question(page).getByRole("button", { name })).toBeFocused();
  }
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Name", { exact: true })).toBeFocused();
  await expect(page.getByLabel("Host", { exact: true })).toHaveValue("203.0.113.10");
  expect(asked, "who says no has asked for nothing").toBeNull();

  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Is this your server?" })).toBeFocused();
  for (let i = 0; i < 4; i += 1) await page.keyboard.press("Tab");
  await expect(question(page).getByRole("button", { name: "Yes, add it" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(question(page).getByRole("alert"), "the key may change between two looks").toContainText("SHA256:other");
  expect(asked).toMatchObject({ name: "new-1", host: "203.0.113.10", port: 22, fingerprint: SEEN.fingerprint });
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  expect(await recorded(page)).toBe(404);
});

onEmpty("a new server that does not answer is said so, and recorded only when that is wanted", async ({ page }) => {
  await open(page, "/");
  await fill(page, "127.0.0.1", "1");
  await page.getByRole("button", { name: "Add server" }).click();
  await expect(away(page).getByRole("alert")).toContainText("Connection refused");
  expect(await recorded(page)).toBe(404);
  await away(page).getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("heading", { name: "It does not answer" })).toBeFocused();
  await away(page).getByRole("button", { name: "Back" }).click();
  await expect(page.getByLabel("Port", { exact: true })).toHaveValue("1");
  await page.getByRole("button", { name: "Add server" }).click();
  await away(page).getByRole("button", { name: "Record it anyway" }).click();
  await expect(page.locator(".toasts")).toContainText("new-1 is recorded without its key");
  await expect(page.getByRole("button", { name: "Provision new-1" })).toBeVisible();
  expect((await page.request.delete("/api/servers/new-1")).status()).toBe(200);
  await expect(page.getByRole("button", { name: "Add server" })).toBeVisible();
});

onEmpty("an agreed key is pinned also where its server refuses the login", async ({ page }) => {
  const asked: [string, unknown][] = [];
  await page.route(/\/api\/(host-key|servers|servers\/new-1\/trust)$/, async (route) => {
    const request = route.request();
    if (request.method() !== "POST") return route.fallback();
    const body = request.postDataJSON() as { fingerprint?: string };
    const to = new URL(request.url()).pathname;
    asked.push([to, body.fingerprint]);
    if (to === "/api/host-key") return route.fulfill({ json: SEEN });
    if (to !== "/api/servers") return route.fulfill({ json: {} });
    if (body.fingerprint === undefined) return route.fallback();
    const detail = "new-1 refuses the login of root";
    return route.fulfill({ status: 502, json: { detail, code: "login_refused", request_id: "0199aa00c0de" } });
  });
  await open(page, "/");
  await fill(page, "127.0.0.1", "1");
  await page.getByRole("button", { name: "Add server" }).click();
  await question(page).getByRole("button", { name: "Yes, add it" }).click();
  const refused = page.getByRole("region", { name: "It was not added" });
  await expect(refused.getByRole("alert")).toContainText("refuses the login");
  await refused.getByRole("button", { name: "Record it anyway" }).click();
  await expect(page.locator(".toasts")).toContainText("new-1 is recorded with its key");
  expect(asked).toEqual([
    ["/api/host-key", undefined],
    ["/api/servers", SEEN.fingerprint],
    ["/api/servers", undefined],
    ["/api/servers/new-1/trust", SEEN.fingerprint],
  ]);
  expect((await page.request.delete("/api/servers/new-1")).status()).toBe(200);
  await expect(page.getByRole("button", { name: "Add server" })).toBeVisible();
});

onSample(
  "a server's last hour is drawn as far as somebody looked, with a gap where it did not answer",
  async ({ page }) => {
    let load = 0.4;
    let answers = true;
    await page.route(/\/api\/servers\/prod-1\/status$/, (route) => {
      if (answers) return route.fulfill({ json: { ...statusOf("prod-1"), load: [load, 1.2, 0.9] } });
      const detail = "cannot connect to prod-1: connection refused by 203.0.113.10:22";
      return route.fulfill({ status: 502, json: { detail, code: "unreachable", request_id: "0199aa00c0de" } });
    });
    await page.clock.install();
    await open(page, "/servers/prod-1");
    const past = page.getByRole("img", { name: /^Load in the last hour/ });
    await expect(past).toHaveAccessibleName("Load in the last hour: 10 percent, measured just now");
    const look = async (minutes: number) => {
      await page.clock.fastForward(minutes * 60_000);
      const asked = page.waitForResponse(/\/prod-1\/status$/);
      await page.getByRole("button", { name: "look again" }).click();
      await asked;
    };
    for (const next of [0.8, 1.2, 1.0, 2.6, 3.1]) {
      load = next;
      await look(4);
    }
    answers = false;
    await look(2);
    answers = true;
    for (const next of [2.0, 1.4]) {
      load = next;
      await look(3);
    }
    await look(15);
    await expect(past).toHaveAccessibleName(
      "Load in the last hour: 10 to 78 percent, measured since 43 min, with 2 gaps",
    );
    await picture(page, "server-last-hour");
    // Another page in between forgets nothing.
    await page.getByRole("link", { name: "Jobs" }).first().click();
    await expect(page.getByRole("heading", { level: 1, name: "Jobs" })).toBeVisible();
    await page.goBack();
    await expect(past).toHaveAccessibleName(/^Load in the last hour: 10 to 78 percent, measured since 43 min/);
  },
);

onSample("a server gets another name, and its page goes with it", async ({ page, place }) => {
  const rename = (from: string, name: string) =>
    page.request.put(`${place.url}/api/servers/${from}`, { data: { name }, headers: { "X-API-Key": place.key } });
  await open(page, "/servers/spare");
  await page.getByRole("button", { name: "more actions" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  const dialog = page.getByRole("dialog", { name: "Edit spare" });
  await dialog.getByLabel("Name", { exact: true }).fill("lab");
  await page.keyboard.press("Enter");
  await expect(dialog.getByRole("alert")).toContainText("lab");
  await dialog.getByLabel("Name", { exact: true }).fill("annex");
  await expect(dialog).toContainText("infrakt server edit spare --name annex");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "annex" })).toBeVisible();
  await expect(page).toHaveURL(/\/servers\/annex$/);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.locator(".toasts").getByRole("link", { name: "annex" })).toBeVisible();
  // By whomever: what is open stays the same server.
  expect((await rename("annex", "spare")).status()).toBe(200);
  await expect(page).toHaveURL(/\/servers\/spare$/);
  await expect(page.getByRole("heading", { level: 1, name: "spare" })).toBeVisible();
});
