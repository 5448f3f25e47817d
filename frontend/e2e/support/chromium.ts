// The browser of this machine, started so that it asks nobody else for anything and leaves nothing behind.
import { accessSync, constants } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { LaunchOptions } from "@playwright/test";

/** What a run writes; scripts/browser takes it away. */
export const scratch = join(tmpdir(), "infrakt-browser");

/** Debian's Chromium, or what `INFRAKT_CHROMIUM` names. */
export function chromiumPath(): string {
  const named = process.env.INFRAKT_CHROMIUM;
  const places = ["/usr/bin", ...(process.env.PATH ?? "").split(delimiter)];
  const found = named ?? places.map((place) => join(place, "chromium")).find(runs);
  if (found === undefined) throw new Error("chromium is missing here: apt-get install chromium");
  return found;
}

function runs(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export const launchOptions: LaunchOptions = {
  executablePath: chromiumPath(),
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
  // Its profile is a temporary one; what it keeps beside that would go into the home of whoever runs the tests.
  env: {
    ...(process.env as Record<string, string>),
    XDG_CONFIG_HOME: join(scratch, "config"),
    XDG_CACHE_HOME: join(scratch, "cache"),
  },
};
