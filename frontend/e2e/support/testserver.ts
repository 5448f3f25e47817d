// A real server in a container of this machine, by scripts/testserver.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const script = fileURLToPath(new URL("../../../scripts/testserver", import.meta.url));

const testserver = async (...args: string[]): Promise<string> => (await run(script, args)).stdout;

export class TestServer {
  private constructor(
    readonly name: string,
    readonly host: string,
    readonly port: number,
    readonly httpPort: number,
    readonly key: string,
  ) {}

  /** `kind` as scripts/testserver says it: `ready` has a registry and git repositories. */
  static async up(name: string, kind: "bare" | "ready"): Promise<TestServer> {
    // One that was left behind may have anything on it.
    await TestServer.down(name);
    const lines = (await testserver("up", name, kind)).split("\n");
    const fact = (key: string): string => {
      const line = lines.find((one) => one.startsWith(`${key}=`));
      if (line === undefined) throw new Error(`scripts/testserver did not say ${key}:\n${lines.join("\n")}`);
      return line.slice(key.length + 1);
    };
    return new TestServer(name, fact("HOST"), Number(fact("PORT")), Number(fact("HTTP_PORT")), fact("KEY"));
  }

  /** What a command on it prints, run as root and without ssh. */
  async exec(command: string): Promise<string> {
    return (await testserver("exec", this.name, "sh", "-c", command)).trim();
  }

  async down(): Promise<void> {
    await TestServer.down(this.name);
  }

  private static async down(name: string): Promise<void> {
    // Without a daemon there is no server to take away.
    await testserver("down", name).catch(() => undefined);
  }
}
