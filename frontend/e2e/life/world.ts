// A server, a home and one tab of a browser, and what a person does and sees there.
import { type Browser, expect, type Locator, type Page } from "@playwright/test";
import { test as base } from "../support/test";
import { TestServer } from "../support/testserver";

export { expect } from "@playwright/test";

/** scripts/browser takes a server of this name away where the tests were killed. */
const SERVER = "page-life";

/** The app's address; the browser is told that the server's port 80 answers there. */
export const SITE = "http://web.localhost";

/** How long a job may take on a busy machine. */
const JOB_MS = 180_000;

export const test = base.extend<object, { server: TestServer; tab: Page }>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads from the pattern what a fixture needs
    async ({}, use) => {
      const server = await TestServer.up(SERVER, "ready");
      await use(server);
      await server.down();
    },
    { scope: "worker", timeout: 240_000 },
  ],
  launchOptions: async ({ launchOptions, server }, use) => {
    const rule = `--host-resolver-rules=MAP ${new URL(SITE).host}:80 127.0.0.1:${server.httpPort}`;
    await use({ ...launchOptions, args: [...(launchOptions.args ?? []), rule] });
  },
  tab: [
    async ({ browser, infrakt }, use) => {
      const tab = await open(browser);
      const faults = faultsOf(tab);
      await infrakt.login(tab);
      // A document that is loaded anew has forgotten it.
      await tab.evaluate(() => Object.assign(window, { sameDocument: true }));
      await use(tab);
      await tab.context().close();
      expect(faults, "what the page told the console").toEqual([]);
    },
    { scope: "worker", timeout: 180_000 },
  ],
});

async function open(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, acceptDownloads: true });
  context.setDefaultTimeout(45_000);
  return context.newPage();
}

/** Errors of the page itself; that infrakt does not answer is no fault of the page. */
function faultsOf(tab: Page): string[] {
  const faults: string[] = [];
  tab.on("pageerror", (error) => faults.push(error.stack ?? error.message));
  tab.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      faults.push(message.text());
  });
  return faults;
}

export const main = (tab: Page): Locator => tab.getByRole("main");
/** The word beside the title: of a job, an app, a server. */
export const state = (tab: Page): Locator => main(tab).locator(".title .pill");
/** What the page says of its line to infrakt. */
export const line = (tab: Page): Locator => tab.getByRole("banner").getByRole("status");
export const steps = (tab: Page): Locator =>
  tab.getByRole("region", { name: "steps" }).getByRole("list").getByRole("listitem");
export const log = (tab: Page): Locator => tab.getByRole("region", { name: /^log; / });

/** Where the rail leads. */
export const place = (tab: Page, name: string): Locator =>
  // Behind the name stands how many there are.
  tab.getByRole("navigation", { name: "Main" }).getByRole("link", { name: new RegExp(`^${name}`) });

export async function go(tab: Page, name: "Dashboard" | "Apps" | "Servers" | "Jobs"): Promise<void> {
  await place(tab, name).click();
  await expect(tab.getByRole("heading", { level: 1, name })).toBeVisible();
}

export async function goToApp(tab: Page, part = "Overview"): Promise<void> {
  await go(tab, "Apps");
  await tab.getByRole("table", { name: "apps" }).getByRole("link", { name: "web", exact: true }).click();
  await tab.getByRole("navigation", { name: "web" }).getByRole("link", { name: part }).click();
}

/** What is done here becomes a job; gives its number. */
export async function asked(tab: Page, act: () => Promise<unknown>): Promise<number> {
  const answered = tab.waitForResponse((said) => said.request().method() !== "GET" && said.status() === 202);
  await act();
  const { job_id } = (await (await answered).json()) as { job_id: number };
  return job_id;
}

/** The same, and opens the job by the link that tells of it. */
export async function followed(tab: Page, title: string, act: () => Promise<unknown>): Promise<number> {
  const job = await asked(tab, act);
  await tab
    .locator(".toasts")
    .getByRole("link", { name: `${title} #${job}`, exact: true })
    .click();
  await isJob(tab, title, job);
  return job;
}

export async function isJob(tab: Page, title: string, job: number): Promise<void> {
  await expect(tab).toHaveURL(new RegExp(`/jobs/${job}$`));
  await expect(tab.getByRole("heading", { level: 1, name: title })).toBeVisible();
}

/** Waits for the end of the job whose page this is, however it ends. */
export async function ends(tab: Page, how: "done" | "failed" | "cancelled"): Promise<void> {
  await expect(state(tab)).toHaveText(/^(done|failed|cancelled|needs you)$/, { timeout: JOB_MS });
  await expect(state(tab)).toHaveText(how);
}

/** Deploys another branch than the app's own. */
export async function deployBranch(tab: Page, branch: string): Promise<number> {
  await goToApp(tab);
  await tab.getByRole("button", { name: "more actions" }).click();
  await tab.getByRole("menuitem", { name: "Deploy another version…" }).click();
  const dialog = tab.getByRole("dialog", { name: "Deploy another version of web" });
  await dialog.getByLabel("Name").fill(branch);
  return followed(tab, "deploy web", () => dialog.getByRole("button", { name: "Deploy" }).click());
}

/** What the app answers to another tab of the same browser; where it is no page, its status. */
export async function visit(tab: Page, path: string): Promise<string> {
  const other = await tab.context().newPage();
  try {
    const answered = other.waitForResponse(`${SITE}${path}`);
    // The browser calls an answer without anything in it a failure.
    const [answer] = await Promise.all([answered, other.goto(`${SITE}${path}`).catch(() => null)]);
    return answer.status() === 200 ? (await answer.text()).trimEnd() : `status ${answer.status()}`;
  } finally {
    await other.close();
  }
}
