// The main things by keyboard alone: no test here touches a pointer.
import type { Page } from "@playwright/test";
import { expect, held, onSample, open, settled } from "./support/test";

/** What has the focus: its role-bearing words. */
const focused = (page: Page) =>
  page.evaluate(() => {
    const at = document.activeElement;
    return `${at?.tagName.toLowerCase()} ${at?.getAttribute("aria-label") ?? at?.textContent?.trim().slice(0, 60) ?? ""}`;
  });

/** Tabs until the focus is on what is wanted. Where the page is not there yet, there is nothing to walk through. */
async function tabTo(page: Page, wanted: RegExp, most = 60): Promise<void> {
  await settled(page);
  const seen: string[] = [];
  for (let i = 0; i < most; i += 1) {
    await page.keyboard.press("Tab");
    const at = await focused(page);
    if (wanted.test(at)) return;
    seen.push(at);
  }
  throw new Error(`no ${wanted} among ${seen.join(" | ")}`);
}

onSample("a walk by Tab begins when the page is there, however late it comes", async ({ page }) => {
  const session = await held(page, /\/api\/session/);
  const rest = await held(page, /\/api\/apps/);
  await page.goto("/apps/prod-1/web");
  const walk = tabTo(page, /^button more actions/);
  await expect(page.getByText("Asking infrakt …")).toBeVisible();
  session();
  await expect(page.locator("[aria-busy='true']").first()).toBeVisible();
  expect(await focused(page), "nothing has been walked through").toMatch(/^(body|main)/);
  rest();
  await walk;
  await page.unrouteAll({ behavior: "ignoreErrors" });
});

onSample("the first Tab offers to skip to the content", async ({ page }) => {
  await open(page, "/apps");
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to content" });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  expect(await focused(page)).toContain("New app");
});

onSample("g and a letter go to a place, and the focus goes with it", async ({ page }) => {
  await open(page, "/");
  for (const [letter, heading, path] of [
    ["s", "Servers", "/servers"],
    ["a", "Apps", "/apps"],
    ["d", "Databases", "/databases"],
    ["j", "Jobs", "/jobs"],
    ["e", "Settings", "/settings"],
    ["h", "Dashboard", "/"],
  ] as const) {
    // A machine that pauses between the two presses for longer than the page waits for the second one begins again.
    await expect(async () => {
      await page.keyboard.press("g");
      await page.keyboard.press(letter);
      await expect(page.getByRole("heading", { level: 1, name: heading })).toBeVisible({ timeout: 5_000 });
    }).toPass();
    expect(new URL(page.url()).pathname).toBe(path);
    await expect(page.locator("main")).toBeFocused();
  }
});

onSample("the palette opens, finds, goes, and gives the focus back", async ({ page }) => {
  await open(page, "/apps");
  await tabTo(page, /actions for api/);
  await page.keyboard.press("/");
  const field = page.getByRole("combobox", { name: "search or run a command" });
  await expect(field).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(field).toHaveCount(0);
  await expect.poll(() => focused(page)).toContain("actions for api");

  await page.keyboard.press("Control+k");
  await expect(field).toBeFocused();
  await page.keyboard.type("logs web");
  await expect(page.getByRole("option", { selected: true })).toContainText("logs web");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/apps\/prod-1\/web\/logs$/);
});

onSample("? shows the keys, and Esc closes them", async ({ page }) => {
  await open(page, "/");
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

onSample("a window takes the focus, keeps it, and gives it back", async ({ page }) => {
  await open(page, "/apps/prod-1/web/settings");
  await tabTo(page, /^button Destroy…/);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("alertdialog");
  const name = dialog.getByRole("textbox");
  await expect(name).toBeFocused();
  // Round and round: never behind the window.
  for (let i = 0; i < 12; i += 1) {
    await page.keyboard.press(i < 6 ? "Tab" : "Shift+Tab");
    expect(await page.evaluate(() => document.activeElement?.closest("[role='alertdialog']") !== null)).toBe(true);
  }
  await expect(dialog.getByRole("button", { name: "Destroy web" })).toBeDisabled();
  await name.focus();
  await page.keyboard.type("web");
  await expect(dialog.getByRole("button", { name: "Destroy web" })).toBeEnabled();
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect.poll(() => focused(page)).toContain("Destroy…");
});

onSample("a window that a menu opened gives the focus back to the menu's button", async ({ page }) => {
  await open(page, "/servers/prod-1");
  await tabTo(page, /^button more actions/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menuitem", { name: "Look again" })).toBeFocused();
  await page.keyboard.press("End");
  await expect(page.getByRole("menuitem", { name: "Remove…" })).toBeFocused();
  await page.keyboard.press("Enter");
  const name = page.getByRole("alertdialog").getByRole("textbox");
  await expect(name).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("alertdialog")).toHaveCount(0);
  await expect.poll(() => focused(page)).toContain("more actions");
});

onSample("a form is filled, refused at its field, put right and sent by keyboard", async ({ page, place }) => {
  await open(page, "/servers");
  await tabTo(page, /^button Add server/);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Add a server" });
  await expect(dialog.getByLabel("Name")).toBeFocused();
  await page.keyboard.type("by keyboard");
  await page.keyboard.press("Enter");
  // The server's words stand at the field, which has the focus; what was typed is still there.
  await expect(dialog.getByLabel("Name")).toBeFocused();
  await expect(dialog.getByLabel("Name")).toHaveValue("by keyboard");
  await expect(dialog.getByLabel("Name")).toHaveAttribute("aria-invalid", "true");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("by-keyboard");
  await tabTo(page, /^input/);
  await tabTo(page, /^input/);
  await page.keyboard.type("127.0.0.1");
  await tabTo(page, /^input/);
  await page.keyboard.type("1");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "It does not answer" })).toBeFocused();
  await tabTo(page, /^button Record it anyway/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "by-keyboard" })).toBeVisible();
  place.sql(
    "DELETE FROM server_ext WHERE server_id IN (SELECT id FROM servers WHERE name = 'by-keyboard'); DELETE FROM servers WHERE name = 'by-keyboard';",
  );
});

onSample("the tabs of an app, its menu, and a menu's Esc", async ({ page }) => {
  await open(page, "/apps/prod-1/web");
  await tabTo(page, /^a Environment/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Variables" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Environment" })).toHaveAttribute("aria-current", "page");
  await tabTo(page, /^button reveal APP_URL/);
  await page.keyboard.press("Enter");
  await expect(page.getByText("https://web.example.com", { exact: true })).toBeVisible();
  await page.keyboard.press("Shift+Tab");
  await open(page, "/apps/prod-1/web");
  await tabTo(page, /^button more actions/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menuitem", { name: "Deploy another version…" })).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("menu")).toHaveCount(0);
  await expect.poll(() => focused(page)).toContain("more actions");
});

onSample("a log is one stop of Tab, with lines by arrows and a link by Enter", async ({ page }) => {
  await open(page, "/jobs/401");
  await expect(page.getByText("HEAD is now at 9d01b7e Bump the http client")).toBeVisible();
  await tabTo(page, /^div log;/);
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/#L1$/);
  await expect(page.locator(".ln.sel")).toHaveText(/HEAD is now at 9d01b7e/);
  await page.keyboard.press("Shift+Tab");
  expect(await focused(page)).toContain("download the log");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  expect(await focused(page)).toContain("copy command");
});

onSample("a search in a log goes from match to match", async ({ page }) => {
  await open(page, "/jobs/401");
  await tabTo(page, /^input search this log/);
  await page.keyboard.type("cached");
  const hits = page.locator(".hits");
  await expect(hits).toHaveText("1 of 4");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await expect(hits).toHaveText("2 of 4");
  await page.keyboard.press("Shift+Enter");
  await expect(hits).toHaveText("1 of 4");
  await expect(page.locator("mark.now")).toHaveText("CACHED");
  await page.keyboard.press("Escape");
  await expect(hits).toHaveCount(0);
});
