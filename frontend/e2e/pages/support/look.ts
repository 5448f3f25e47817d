// What every page must stand: axe in light and dark, no sideways scrolling, commands that exist; and its picture.
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, type Page } from "@playwright/test";

export const WIDE = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };
/** What a window of 1280 × 800 has room for when it is enlarged twice. */
export const ZOOMED = { width: 640, height: 400 };

const axeFile = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** Before the page is opened: the page's policy lets no script in later. */
export async function withAxe(page: Page): Promise<void> {
  await page.addInitScript({ path: axeFile });
}

interface Axe {
  run(): Promise<{
    violations: { id: string; help: string; nodes: { target: unknown[]; failureSummary?: string }[] }[];
  }>;
}

/** All that axe finds, as lines. */
export async function axe(page: Page): Promise<string[]> {
  const { violations } = await page.evaluate(() => (window as unknown as { axe: Axe }).axe.run());
  return violations.flatMap((one) =>
    one.nodes.map((node) => `${one.id}: ${one.help}\n  at ${node.target.join(" ")}\n  ${node.failureSummary ?? ""}`),
  );
}

/** What reaches beyond the window's side. */
export async function sticksOut(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const room = document.documentElement.clientWidth;
    if ((document.scrollingElement?.scrollWidth ?? 0) <= room) return [];
    const wide = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > room + 1);
    return wide
      .slice(0, 5)
      .map(
        (one) =>
          `${one.tagName.toLowerCase()}.${one.className} reaches ${one.getBoundingClientRect().right} of ${room}`,
      );
  });
}

const known = new Set<string>();

/** Every command that the page shows is one that the program takes. */
export async function commandsExist(page: Page): Promise<void> {
  const shown = await page.locator(".cmd > code").allTextContents();
  for (const command of shown.map((text) => text.trim())) {
    if (known.has(command)) continue;
    known.add(command);
    const script = `infrakt() { "$INFRAKT_BIN" "$@"; }\n${command.replaceAll("\n", " ")} --help`;
    let said = "";
    try {
      execFileSync("sh", ["-c", script], { stdio: ["ignore", "ignore", "pipe"] });
    } catch (error) {
      said = String((error as { stderr?: unknown }).stderr ?? error);
    }
    expect(said, `the page shows \`${command}\``).toBe("");
  }
}

const pictures = process.env.INFRAKT_PICTURES;

/** Into the folder that INFRAKT_PICTURES names; without one nobody would look at it. */
export async function picture(page: Page, name: string, whole = true): Promise<void> {
  if (pictures === undefined) return;
  mkdirSync(pictures, { recursive: true });
  const path = join(pictures, `${name}.png`);
  await page.screenshot({ fullPage: whole, animations: "disabled", caret: "hide", path });
}

/** In light and dark, wide and on a phone: what axe finds, what sticks out, a picture of each. */
export async function look(page: Page, name: string, { whole = true } = {}): Promise<void> {
  for (const [size, colorScheme] of [
    ["wide", "light"],
    ["wide", "dark"],
    ["phone", "light"],
    ["phone", "dark"],
  ] as const) {
    await page.setViewportSize(size === "wide" ? WIDE : PHONE);
    await page.emulateMedia({ colorScheme });
    // The colours of a phone are those of a wide window: what axe finds in the dark it finds there.
    if (`${size} ${colorScheme}` !== "phone dark")
      expect.soft(await axe(page), `axe, ${name}, ${size}, ${colorScheme}`).toEqual([]);
    expect.soft(await sticksOut(page), `${name}, ${size}`).toEqual([]);
    await picture(page, `${name}-${size}-${colorScheme}`, whole);
  }
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ colorScheme: "light" });
  await commandsExist(page);
}
