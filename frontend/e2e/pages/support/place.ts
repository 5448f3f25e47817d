// A made-up home under the real program: filled before it is served, ended and started again where a test wants that.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext } from "@playwright/test";
import { Infrakt } from "../../support/serve";
import { many } from "./many";
import { environment, RUNNER, sample } from "./sample";

export type Filling = "sample" | "empty" | "many";
type Login = Awaited<ReturnType<BrowserContext["storageState"]>>;

export class Place {
  private infrakt: Infrakt | null = null;
  private runner: ChildProcess | null = null;
  private known: Login | null = null;

  private constructor(readonly dir: string) {}

  static async make(filling: Filling): Promise<Place> {
    const place = new Place(mkdtempSync(join(tmpdir(), "infrakt-page-")));
    try {
      place.infrakt = await Infrakt.start(place.dir);
      if (filling !== "empty") {
        // The program has made the home; it is filled while nobody has it open.
        await place.stop();
        const master = readFileSync(join(place.dir, "master.key"), "utf8");
        place.sql(filling === "many" ? many() : sample(master));
        if (filling === "sample") {
          writeFileSync(join(place.dir, "envs/1.json"), environment(master), { mode: 0o600 });
          await place.hold();
        }
        await place.start();
      }
    } catch (error) {
      await place.remove();
      throw error;
    }
    return place;
  }

  private get served(): Infrakt {
    if (this.infrakt === null) throw new Error("it is not served");
    return this.infrakt;
  }

  get url(): string {
    return this.served.url;
  }

  get key(): string {
    return this.served.apiKey;
  }

  /** What a browser keeps that was logged in by a link. */
  async login(browser: Browser): Promise<Login> {
    if (this.known === null) {
      const context = await browser.newContext();
      await this.served.login(await context.newPage());
      this.known = await context.storageState();
      await context.close();
    }
    return this.known;
  }

  /** Whoever is logged in is no longer. */
  forgetSessions(): void {
    this.known = null;
    this.sql("DELETE FROM api_session;");
  }

  sql(text: string): void {
    const input = `.timeout 10000\nBEGIN IMMEDIATE;\n${text}\nCOMMIT;\n`;
    const options = { input, encoding: "utf8", maxBuffer: 1 << 28 } as const;
    const done = spawnSync("sqlite3", ["-batch", "-bail", join(this.dir, "infrakt.db")], options);
    if (done.error !== undefined) throw done.error;
    if (done.status !== 0) throw new Error(`sqlite3 ended with ${done.status}: ${done.stderr}`);
  }

  /** Holds the lock of who runs what is shown as running: until the end of its input, so with this process at the latest. */
  private async hold(): Promise<void> {
    const file = join(this.dir, "run", `${RUNNER}.lock`);
    const runner = spawn("flock", [file, "sh", "-c", "echo held; exec cat"], { stdio: ["pipe", "pipe", "inherit"] });
    this.runner = runner;
    await new Promise<void>((held, failed) => {
      runner.stdout.once("data", () => held());
      runner.once("error", failed);
      runner.once("exit", (code) => failed(new Error(`flock ended with ${code}`)));
    });
  }

  /** The address refuses connections from then on. */
  async stop(): Promise<void> {
    await this.served.stop();
  }

  async start(): Promise<void> {
    await this.served.restart();
  }

  async remove(): Promise<void> {
    await this.infrakt?.stop();
    const runner = this.runner;
    this.runner = null;
    if (runner !== null && runner.exitCode === null)
      await new Promise<void>((over) => {
        runner.once("exit", () => over());
        runner.stdin?.end();
      });
    rmSync(this.dir, { recursive: true, force: true });
  }
}
