// A home and the program that serves it. Whatever is started here ends with the test, also with one that fails or is killed.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { Page } from "@playwright/test";

const run = promisify(execFile);

/** How long it may take to listen, and to end when it is asked to. */
const START_MS = 60_000;
const END_MS = 60_000;

function program(): string {
  const path = process.env.INFRAKT_BIN;
  if (path === undefined) throw new Error("INFRAKT_BIN is not set: scripts/browser sets it");
  return path;
}

export class Infrakt {
  url = "";
  apiKey = "";
  private child: ChildProcess | null = null;
  /** What it said on stderr; told where something goes wrong. */
  said = "";

  private constructor(
    readonly home: string,
    private readonly made: boolean,
  ) {}

  /** Serves `home`; without one a new home, which goes with `stop`. */
  static async start(home?: string): Promise<Infrakt> {
    const dir = home ?? (await mkdtemp(join(tmpdir(), "infrakt-home-")));
    const infrakt = new Infrakt(dir, home === undefined);
    try {
      await infrakt.serve("127.0.0.1:0");
      infrakt.apiKey = (await readFile(join(dir, "api_key.txt"), "utf8")).trim();
    } catch (error) {
      await infrakt.stop();
      throw error;
    }
    return infrakt;
  }

  /** Runs a command on this home, and gives what it printed. */
  async cli(...args: string[]): Promise<string> {
    const { stdout } = await run(program(), ["--home", this.home, ...args], { env: this.env() });
    return stdout;
  }

  /** Opens the page by the one-time link of `infrakt ui`. */
  async login(page: Page): Promise<void> {
    await page.goto((await this.cli("ui", "--url", this.url)).trim());
    await page.waitForURL(`${this.url}/`);
  }

  /** As a power cut does it: nothing can be tidied up. */
  async kill9(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Serves again, at the address from before. */
  async restart(): Promise<void> {
    await this.serve(new URL(this.url).host);
  }

  async stop(): Promise<void> {
    await this.end("SIGTERM");
    if (this.made) await rm(this.home, { recursive: true, force: true });
  }

  /** Nothing of whoever runs the tests: not their home, not their keys. */
  private env(): NodeJS.ProcessEnv {
    const kept = Object.entries(process.env).filter(
      ([name]) => !name.startsWith("INFRAKT_") && name !== "SSH_AUTH_SOCK",
    );
    return { ...Object.fromEntries(kept), HOME: this.home };
  }

  private async serve(bind: string): Promise<void> {
    if (this.child !== null) throw new Error("it is served already");
    this.said = "";
    // It ends with the process that started it, whatever ends that.
    const words = ["--pdeathsig", "KILL", program(), "--home", this.home, "serve", "--bind", bind];
    const child = spawn("setpriv", words, { env: this.env(), stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.said = (this.said + text).slice(-20_000);
    });
    this.url = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => fail("does not listen"), START_MS);
      const fail = (why: string) => {
        clearTimeout(timer);
        reject(new Error(`infrakt serve ${why}:\n${this.said}`));
      };
      child.once("error", (error) => fail(error.message));
      child.once("exit", (code, signal) => fail(`ended at once with ${code ?? signal}`));
      createInterface({ input: child.stdout }).on("line", (line) => {
        const found = /^listening on (http:\S+)$/.exec(line)?.[1];
        if (found === undefined) return;
        clearTimeout(timer);
        resolve(found);
      });
    });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    this.child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    const hangs = setTimeout(() => child.kill("SIGKILL"), END_MS);
    await ended;
    clearTimeout(hangs);
  }
}
