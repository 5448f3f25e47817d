// The promised size: 1,000 servers, 10,000 apps, a log of 200,000 lines. All of it can be reached; how long frames take is printed.
import type { Page } from "@playwright/test";
import { APPS, JOB, LINES, SELDOM, SERVERS } from "./support/many";
import { expect, onMany, open, say } from "./support/test";

interface Frames {
  longest: number;
  task: number;
  count: number;
}

/** The longest frame, and the longest task, while something is done. */
async function frames(page: Page, what: string, act: () => Promise<void>): Promise<void> {
  await page.evaluate(() => {
    const seen = { longest: 0, task: 0, count: 0 };
    let last = performance.now();
    const tick = (now: number) => {
      seen.longest = Math.max(seen.longest, now - last);
      seen.count += 1;
      last = now;
      if (!over) requestAnimationFrame(tick);
    };
    let over = false;
    const tasks = new PerformanceObserver((list) => {
      for (const task of list.getEntries()) seen.task = Math.max(seen.task, task.duration);
    });
    tasks.observe({ entryTypes: ["longtask"] });
    requestAnimationFrame((now) => {
      last = now;
      requestAnimationFrame(tick);
    });
    (window as unknown as { endFrames: () => Frames }).endFrames = () => {
      over = true;
      tasks.disconnect();
      return seen;
    };
  });
  await act();
  const { longest, task, count } = await page.evaluate(() =>
    (window as unknown as { endFrames: () => Frames }).endFrames(),
  );
  const ms = (n: number) => `${n.toFixed(0)} ms`.padStart(7);
  say(`${what.padEnd(44)} longest frame ${ms(longest)}, longest task ${ms(task)}, ${count} frames`);
}

async function wheel(page: Page, times: number, by: number): Promise<void> {
  for (let i = 0; i < times; i += 1) {
    await page.mouse.wheel(0, by);
    await page.waitForTimeout(16);
  }
}

onMany("ten thousand apps are scrolled, found and opened", async ({ page }) => {
  await page.goto("/");
  await expect(page.getByText(`and ${SERVERS - 12} more`)).toBeVisible({ timeout: 30_000 });
  await page.getByRole("link", { name: "Apps", exact: true }).first().click();
  const rows = page.getByRole("row");
  await expect(page.locator(".head .cnt")).toHaveText(String(APPS));
  await expect(page.getByRole("table", { name: "apps" })).toHaveAttribute("aria-rowcount", String(APPS + 1));
  await page.mouse.move(640, 500);
  await frames(page, "10,000 apps: scroll", () => wheel(page, 60, 700));
  await frames(page, "10,000 apps: to the end", async () => {
    await page.keyboard.press("End");
    await expect(page.getByRole("link", { name: "app-10000" })).toBeVisible();
  });
  expect(await rows.count()).toBeLessThan(100);
  await page.keyboard.press("Home");
  const find = page.getByRole("textbox", { name: "find an app" });
  await frames(page, "10,000 apps: type in the field above", () => find.pressSequentially("app-0999", { delay: 40 }));
  await expect(page.getByText(`10 of ${APPS}`)).toBeVisible();
  await expect(rows).toHaveCount(11);
  await frames(page, "10,000 apps: type in the palette", async () => {
    await page.keyboard.press("Control+k");
    await expect(page.getByRole("combobox")).toBeFocused();
    await page.keyboard.type("deploy app-04711", { delay: 40 });
    await expect(page.getByRole("option", { selected: true })).toContainText("Deploy app-04711");
  });
  await page.keyboard.press("Escape");
});

onMany("a thousand servers are scrolled and found", async ({ page }) => {
  await open(page, "/servers");
  await expect(page.locator(".head .cnt")).toHaveText(String(SERVERS));
  await page.mouse.move(640, 500);
  await frames(page, "1,000 servers: scroll", () => wheel(page, 60, 700));
  await page.keyboard.press("End");
  await expect(page.getByRole("link", { name: "srv-1000" })).toBeVisible();
  await page.keyboard.press("Home");
  const find = page.getByRole("textbox", { name: "find a server" });
  await frames(page, "1,000 servers: type in the field above", () => find.pressSequentially("srv-042", { delay: 40 }));
  await expect(page.getByRole("row")).toHaveCount(11);
});

onMany("a log of two hundred thousand lines is scrolled, searched and linked", async ({ page }) => {
  await page.goto(`/jobs/${JOB}`);
  const count = page.locator(".tailbar");
  await frames(page, "200,000 lines: while they come", () => expect(count).toContainText(`${LINES} lines`));
  const log = page.getByRole("region", { name: /^log;/ });
  const box = await log.boundingBox();
  if (box === null) throw new Error("the log is not in sight");
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await frames(page, "200,000 lines: scroll", () => wheel(page, 60, 700));
  await frames(page, "200,000 lines: drag to the middle and on", async () => {
    for (const part of [0.5, 0.1, 0.9, 0.3]) {
      await log.evaluate((element, at) => element.scrollTo(0, element.scrollHeight * at), part);
      await page.waitForTimeout(100);
    }
  });
  const field = page.getByRole("textbox", { name: "search this log" });
  const hits = page.locator(".hits");
  await frames(page, "200,000 lines: first search, typed", async () => {
    await field.pressSequentially(SELDOM, { delay: 40 });
    await expect(hits).toHaveText(`1 of ${LINES / 1_000}`);
  });
  await frames(page, "200,000 lines: next match, twenty times", async () => {
    for (let i = 0; i < 20; i += 1) await page.keyboard.press("Enter");
    await expect(page.locator("mark.now")).toBeVisible();
  });
  await frames(page, "200,000 lines: second search, typed", async () => {
    await field.fill("");
    await field.pressSequentially("crate-77", { delay: 40 });
    await expect(hits).toHaveText("1 of 1111");
  });
  await page.goto(`/jobs/${JOB}#L123456`);
  await page.reload();
  await expect(page.locator("#L123456")).toBeInViewport();
  await expect(page.locator("#L123456")).toContainText("crate-123456");
});
