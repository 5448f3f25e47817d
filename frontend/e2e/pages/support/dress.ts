// What only a real server could say, said by the tests: how it does, what its containers are, what an app prints. All else is infrakt's own.
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { BrowserContext, Route } from "@playwright/test";
import type { components } from "../../../src/api/schema";

type Schemas = components["schemas"];

const GiB = 2 ** 30;
const use = (total: number, used: number): Schemas["Usage"] => ({
  total,
  used,
  free: total - used,
  percent: Math.round((used / total) * 1000) / 10,
});

const ADDRESS: Record<string, string> = {
  "prod-1": "203.0.113.10",
  "prod-2": "203.0.113.24",
  lab: "192.0.2.44",
  "edge-1": "198.51.100.7",
  staging: "203.0.113.77",
  spare: "192.0.2.9",
};

export function statusOf(name: string): Schemas["ServerStatus"] {
  return {
    name,
    host: ADDRESS[name] ?? "203.0.113.1",
    os: "Debian GNU/Linux 13 (trixie)",
    uptime: "up 41 days",
    uptime_s: 3_545_000,
    load: [1.84, 1.2, 0.9],
    cpu: { total: 4, used: 1.8, free: 2.2, percent: 45 },
    memory: use(4 * GiB, 2.7 * GiB),
    swap: use(GiB, 0),
    disk: use(40 * GiB, 35.1 * GiB),
    docker: { state: "up", version: "28.3.2" },
    caddy: { state: "up", version: "2.10.0" },
    ufw: { state: "up", version: null },
    fail2ban: { state: "missing", version: null },
    compose: "2.38.2",
    reboot_required: false,
    containers: [
      ["web-web", "running", "Up 2 hours (healthy)"],
      ["web-cron", "restarting", "Restarting (1) 4 seconds ago"],
      ["api-web", "running", "Up 5 hours"],
      ["main-db", "running", "Up 41 days (healthy)"],
    ].map(([what = "", state = "", status = ""], i) => ({
      id: `c${i}`,
      name: `infrakt-${what}-1`,
      image: what === "main-db" ? "postgres:17" : `infrakt/infrakt-${what}:70`,
      state,
      status,
      project: `infrakt-${what.split("-")[0]}`,
      app: what.split("-")[0] ?? null,
    })),
  };
}

function containersOf(app: string): Schemas["AppContainer"][] {
  const at = new Date(Date.now() - 2 * 3_600_000).toISOString();
  const one = (service: string, state: string, restarts: number, health: string | null) => ({
    id: `${app}-${service}`,
    name: `infrakt-${app}-${service}-1`,
    service,
    image: `infrakt/infrakt-${app}-${service}:70`,
    state,
    exit_code: 0,
    restarts,
    health,
    started_at: at,
    deployment_id: 70,
  });
  return [one("web", "running", 0, "healthy"), one("cron", "restarting", 3, null)];
}

const SAID = [
  "web-1   | listening on 3000",
  "web-1   | GET / 200 4 ms",
  "web-1   | GET /assets/index.js 200 1 ms",
  "cron-1  | \x1b[33mwarn\x1b[0m the queue of mails is empty",
  "web-1   | GET /orders?page=2 200 18 ms",
  "web-1   | \x1b[31merror\x1b[0m POST /orders 503: the payment service does not answer",
  "web-1   | POST /orders 201 212 ms",
  "web-1   | GET /up 200 0 ms",
];

/** Streams that stay open, as an app's log does: no answer that a test can give at once would. */
export class Streams {
  private constructor(
    private readonly server: Server,
    private readonly open: Set<ServerResponse>,
  ) {}

  static async start(): Promise<Streams> {
    const open = new Set<ServerResponse>();
    const server = createServer((_request, response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      for (const line of SAID) response.write(`event: log\ndata: ${JSON.stringify({ text: `${line}\n` })}\n\n`);
      open.add(response);
      response.on("close", () => open.delete(response));
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    return new Streams(server, open);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  async stop(): Promise<void> {
    for (const response of this.open) response.end();
    await new Promise<void>((over) => this.server.close(() => over()));
  }
}

/** What a server shows that is not there yet. */
export const SEEN: Schemas["HostKey"] = {
  key_type: "ssh-ed25519",
  fingerprint: "SHA256:qC0zG1r7mH4v9TtJbX2LdPpYwN5sKe8RfUaQ6nW8Yk3",
};

/** What a page asked for last may be under way when its test ends: nobody waits for that answer. */
const answering =
  (answer: (route: Route) => Promise<void>) =>
  async (route: Route): Promise<void> => {
    try {
      await answer(route);
    } catch (error) {
      if (/ECONNREFUSED|ECONNRESET|socket hang up/.test(String(error))) await route.abort("connectionrefused");
      else if (!/closed|disposed/.test(String(error))) throw error;
    }
  };

/** The made-up servers answer in `context`, and have addresses that look like some. */
export async function dress(context: BrowserContext, streams: Streams): Promise<void> {
  await context.route(/\/api\/servers\/[^/]+\/status$/, (route) => {
    const name = decodeURIComponent(new URL(route.request().url()).pathname.split("/")[3] ?? "");
    if (name !== "edge-1") return route.fulfill({ json: statusOf(name) });
    const detail = "cannot connect to edge-1: connection refused by 198.51.100.7:22";
    return route.fulfill({ status: 502, json: { detail, code: "unreachable", request_id: "0199aa00c0de" } });
  });
  await context.route(/\/api\/host-key$/, (route) => {
    const { host } = route.request().postDataJSON() as { host: string };
    return Object.values(ADDRESS).includes(host) ? route.fulfill({ json: SEEN }) : route.fallback();
  });
  await context.route(
    /\/api\/apps\/[^/?]+\?.*containers=true/,
    answering(async (route) => {
      const asked = new URL(route.request().url());
      asked.searchParams.delete("containers");
      const answer = await route.fetch({ url: asked.href });
      const app = (await answer.json()) as Schemas["AppDetails"];
      const containers = app.status === "running" ? containersOf(app.name) : [];
      await route.fulfill({ response: answer, json: { ...app, containers } });
    }),
  );
  await context.route(/\/api\/apps\/[^/]+\/logs\/stream/, (route) => route.continue({ url: streams.url }));
  await context.route(
    /\/api\/servers(\?.*)?$/,
    answering(async (route) => {
      if (route.request().method() !== "GET") return route.fallback();
      const answer = await route.fetch();
      if (!answer.ok()) return route.fulfill({ response: answer });
      const servers = (await answer.json()) as Schemas["Server"][];
      await route.fulfill({
        response: answer,
        json: servers.map((one) =>
          ADDRESS[one.name] === undefined ? one : { ...one, host: ADDRESS[one.name], port: 22 },
        ),
      });
    }),
  );
}
