// A stand-in for `infrakt serve` while the page is drawn: answers from made-up state, tells made-up events. Never part of the build.
//   npm run fixture            then `npm run dev` beside it, or open the port itself to see the build in dist/
//   INFRAKT_FIXTURE=empty      a new home;  =broken: every list answers 500;  =slow: each answer takes five seconds
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const PORT = Number(process.env.PORT ?? 8000);
const MOOD = process.env.INFRAKT_FIXTURE ?? "";
const DIST = new URL("../dist/", import.meta.url).pathname;
const now = Date.now();
const t = (secondsAgo) => new Date(now - secondsAgo * 1000).toISOString();
const step = (seq, name, state, from, to, more = {}) => ({
  seq,
  name,
  state,
  started_at: from === null ? null : t(from),
  finished_at: to === null ? null : t(to),
  exit_code: null,
  runs: from === null ? 0 : 1,
  note: null,
  ...more,
});
const plan = (names, done, state, ago) =>
  names.map((name, i) =>
    i < done
      ? step(i + 1, name, "succeeded", ago + 10 - i, ago + 5 - i)
      : i === done
        ? step(i + 1, name, state, ago, state === "started" ? null : ago - 20)
        : step(i + 1, name, "pending", null, null),
  );
const DEPLOY = ["fetch", "build", "start", "health", "route"];
const PROVISION = ["packages", "docker", "caddy", "fail2ban", "firewall", "folders", "caddyfile", "import"];
const job = (id, kind, title, server_name, state, more = {}) => ({
  id,
  kind,
  title,
  server_name,
  app_name: null,
  deployment_id: null,
  state,
  reason: null,
  hint: null,
  code: null,
  waiting_for: null,
  attempt: 0,
  created_at: t(80),
  started_at: null,
  finished_at: null,
  requested_by: "laptop",
  retry_of: null,
  superseded_by: null,
  steps: [],
  attempts: [],
  ...more,
});

const alive = [
  job(416, "provision", "provision lab", "lab", "running", {
    started_at: t(12),
    steps: plan(PROVISION, 1, "started", 6),
  }),
  job(415, "env_push", "env push worker", "prod-1", "queued", {
    app_name: "worker",
    created_at: t(18),
    reason: "waiting behind job 412 (deploy web)",
    waiting_for: { job_id: 412, why: "behind", since: t(72), usual_ms: 96_000 },
  }),
  job(414, "deploy", "deploy api", "prod-1", "queued", {
    app_name: "api",
    created_at: t(30),
    requested_by: "key:ci",
    reason: "waiting behind job 412 (deploy web)",
    waiting_for: { job_id: 412, why: "behind", since: t(72), usual_ms: 96_000 },
  }),
  job(413, "deploy", "deploy docs", "prod-2", "queued", {
    app_name: "docs",
    created_at: t(50),
    requested_by: "key:ci",
    reason: "waiting behind job 409 (deploy shop)",
    waiting_for: { job_id: 409, why: "behind", since: null },
  }),
  job(412, "deploy", "deploy web", "prod-1", "running", {
    app_name: "web",
    deployment_id: 71,
    started_at: t(72),
    steps: [
      step(1, "fetch", "succeeded", 72, 71.2, { note: "3f2c1a0, 214 objects" }),
      step(2, "build", "started", 71, null),
      ...["start", "health", "route"].map((n, i) => step(i + 3, n, "pending", null, null)),
    ],
    attempts: [{ worker: "a", started_at: t(72), ended_at: null, outcome: null }],
  }),
  job(411, "restart", "restart status", "edge-1", "queued", {
    app_name: "status",
    attempt: 3,
    created_at: t(120),
    reason: "connection refused by 198.51.100.7:22",
    waiting_for: { why: "retry", until: new Date(now + 600_000).toISOString() },
  }),
  job(409, "deploy", "deploy shop", "prod-2", "attention", {
    app_name: "shop",
    created_at: t(860),
    started_at: t(855),
    requested_by: "key:ci",
    reason: "prod-2 rebooted while `start` ran and kept no exit code",
    waiting_for: { why: "person" },
    steps: plan(DEPLOY, 2, "lost", 845),
  }),
  job(405, "deploy", "deploy preview", "staging", "queued", {
    app_name: "preview",
    created_at: t(7200),
    requested_by: "key:ci",
    reason: "the lane is paused: the server's host key changed",
    waiting_for: { why: "paused", since: t(7200) },
  }),
];
const ended = [
  job(410, "provision", "provision prod-1", "prod-1", "succeeded", {
    created_at: t(220),
    started_at: t(210),
    finished_at: t(80),
    steps: PROVISION.map((n, i) => step(i + 1, n, i < 6 ? "skipped" : "succeeded", 200, 190)),
  }),
  job(407, "deploy", "deploy blog", "prod-2", "failed", {
    app_name: "blog",
    deployment_id: 65,
    created_at: t(2590),
    started_at: t(2583),
    finished_at: t(2460),
    reason: "nothing answered on port 3000 within 60 s",
    hint: "the container runs, but it listens elsewhere; the version before still serves",
    code: "health_failed",
    steps: [
      ...plan(DEPLOY, 3, "failed", 2520),
      step(103, "clean-up", "succeeded", 2462, 2460, { note: "5b0e6f2 is up again" }),
    ],
  }),
  job(401, "deploy", "deploy web", "prod-1", "succeeded", {
    app_name: "web",
    deployment_id: 70,
    created_at: t(7300),
    started_at: t(7296),
    finished_at: t(7200),
    requested_by: "key:ci",
    steps: plan(DEPLOY, 5, "", 7250),
  }),
  job(396, "deploy", "deploy api", "prod-1", "cancelled", {
    app_name: "api",
    created_at: t(18_000),
    finished_at: t(17_990),
    superseded_by: 398,
    requested_by: "key:ci",
  }),
];
const key = { key_type: "ED25519", fingerprint: "SHA256:qC0zG1r7mH4v9TtJbX2LdPpYwN5sKe8RfUaQ6nW8Yk3" };
const server = (id, name, host, status, app_count, more = {}) => ({
  id,
  name,
  host,
  user: "root",
  port: 22,
  ssh_key_path: null,
  status,
  provider: null,
  created_at: t(9e6),
  updated_at: t(9e4),
  app_count,
  host_key: key,
  last_seen_at: t(4),
  last_error: null,
  facts: null,
  paused: null,
  ...more,
});
const servers = [
  server(1, "prod-1", "203.0.113.10", "active", 4),
  server(2, "prod-2", "203.0.113.24", "active", 4, { user: "deploy", port: 2222 }),
  server(3, "lab", "192.0.2.44", "provisioning", 0),
  server(4, "edge-1", "198.51.100.7", "unreachable", 1, {
    last_error: "connection refused by 198.51.100.7:22",
    last_seen_at: t(1860),
  }),
  server(5, "staging", "203.0.113.77", "active", 1, {
    paused: {
      since: t(7200),
      why: "host_key",
      pinned: key,
      seen: { ...key, fingerprint: "SHA256:9hTzL0pQ7sXbVd81mKc4uJ2yEo6RgWf3NaiXe2s0q" },
    },
  }),
  server(6, "spare", "192.0.2.9", "inactive", 0, { last_seen_at: null }),
];
const app = (id, name, server_name, status, more = {}) => ({
  id,
  name,
  server_id: 1,
  server_name,
  domain: `${name}.example.com`,
  domains: [`${name}.example.com`],
  port: 3000,
  git_repo: `https://git.example.com/acme/${name}.git`,
  branch: "main",
  git_login: false,
  image: null,
  status,
  app_type: "git",
  service: null,
  publish: null,
  health_path: "/up",
  health_timeout_s: 60,
  memory: "512m",
  cpus: null,
  compose_project: `infrakt-${name}`,
  host_port: 20003,
  current_deployment_id: 70,
  created_at: t(9e6),
  updated_at: t(7200),
  ...more,
});
const apps = [
  app(1, "web", "prod-1", "running"),
  app(2, "api", "prod-1", "running"),
  app(3, "worker", "prod-1", "running", {
    domain: null,
    domains: [],
    git_repo: null,
    image: "images.example.com/acme/worker:stable",
  }),
  app(4, "shop", "prod-2", "deploying"),
  app(5, "blog", "prod-2", "running"),
  app(6, "docs", "prod-2", "running"),
  app(7, "status", "edge-1", "running"),
  app(8, "preview", "staging", "stopped"),
];
const deployment = (id, app_name, server_name, status, commit_hash, commit_subject, ago, took, more = {}) => ({
  id,
  app_id: 1,
  app_name,
  server_name,
  commit_hash,
  commit_subject,
  branch: "main",
  image: null,
  images: { web: `infrakt/infrakt-${app_name}:${id}` },
  domains: [`${app_name}.example.com`],
  status,
  reason: null,
  job_id: null,
  log: null,
  log_truncated: false,
  started_at: t(ago),
  finished_at: took === null ? null : t(ago - took),
  ...more,
});
const deployments = [
  deployment(71, "web", "prod-1", "in_progress", "3f2c1a0", "Fix login", 72, null, { job_id: 412 }),
  deployment(69, "shop", "prod-2", "in_progress", "c4417ae", "Move carts to redis", 855, null, { job_id: 409 }),
  deployment(65, "blog", "prod-2", "failed", "e20d9c1", "Switch to bun", 2583, 123, {
    job_id: 407,
    reason: "nothing answered on port 3000 within 60 s",
  }),
  deployment(70, "web", "prod-1", "success", "9d01b7e", "Bump axum to 0.8", 7296, 96, { job_id: 401 }),
  deployment(60, "docs", "prod-2", "success", "77aa019", "Explain health checks", 90_000, 24),
];
const use = (total, used) => ({ total, used, free: total - used, percent: Math.round((used / total) * 1000) / 10 });
const GiB = 2 ** 30;
const status = (s) => ({
  name: s.name,
  host: s.host,
  os: "Debian GNU/Linux 13 (trixie)",
  uptime: "41 days",
  uptime_s: 3_545_000,
  load: [1.84, 1.2, 0.9],
  cpu: { total: 4, used: 1.8, free: 2.2, percent: 45 },
  memory: use(4 * GiB, 2.7 * GiB),
  swap: use(GiB, 0),
  disk: use(40 * GiB, 24.4 * GiB),
  docker: { state: "up", version: "28.3" },
  caddy: { state: "up", version: "2.10" },
  ufw: { state: "up" },
  fail2ban: { state: "missing" },
  compose: "2.38",
  reboot_required: false,
  containers: ["web-web", "web-cron", "api-api"].map((n, i) => ({
    id: `c${i}`,
    name: `infrakt-${n}-1`,
    image: `infrakt/infrakt-${n}:71`,
    state: i === 1 ? "restarting" : "running",
    status: "Up 2 hours",
    project: "p",
    app: n.split("-")[0],
  })),
});
const lines = (id) => {
  if (id === 412 && process.env.INFRAKT_FIXTURE_LINES)
    return Array.from(
      { length: Number(process.env.INFRAKT_FIXTURE_LINES) },
      (_, i) => `#12 ${i} \x1b[1;32m   Compiling\x1b[0m crate-${i} v1.0.0\n`,
    ).join("");
  return [
    "\x1b[34m#1\x1b[0m [internal] load build definition from Dockerfile",
    "\x1b[34m#2\x1b[0m [internal] load metadata",
    "\x1b[34m#2\x1b[0m \x1b[32mDONE\x1b[0m 1.1s",
    "\x1b[34m#7\x1b[0m [2/6] WORKDIR /src",
    "\x1b[34m#7\x1b[0m \x1b[36mCACHED\x1b[0m",
    "\x1b[34m#12\x1b[0m [5/6] RUN cargo build --release --locked",
    "\x1b[34m#12\x1b[0m 6.8 \x1b[1;32m   Compiling\x1b[0m serde v1.0.219",
    "\x1b[34m#12\x1b[0m 18.9 \x1b[1;33mwarning\x1b[0m: unused import",
  ]
    .map((l) => `${l}\n`)
    .join("");
};
const grown = new Map([[412, []]]);
const log = (id) => [
  { seq: 1, at: t(72), step: 1, run: 1, text: "cloning\nHEAD is now at 3f2c1a0 Fix login\n" },
  { seq: 2, at: t(60), step: 2, run: 1, text: lines(id) },
  {
    seq: 3,
    at: t(40),
    step: null,
    run: null,
    text: "! lost the connection to prod-1 (timed out); the step goes on there. reconnecting\n",
  },
  { seq: 4, at: t(19), step: null, run: null, text: ". back after 21s\n" },
  {
    seq: 5,
    at: t(30),
    step: 2,
    run: 1,
    text: "\x1b[34m#12\x1b[0m 24.0 \x1b[1;32m   Compiling\x1b[0m serde_derive v1.0.219\n\x1b[34m#12\x1b[0m 55.6 \x1b[1;32m   Compiling\x1b[0m serde_json v1.0.140\n",
  },
  ...(id === 407
    ? [
        {
          seq: 6,
          at: t(2520),
          step: 4,
          run: 1,
          text: "GET http://127.0.0.1:20011/ … connection refused\n\x1b[1;31mnothing answered on port 3000 within 60 s\x1b[0m\n",
        },
      ]
    : []),
  ...(grown.get(id) ?? []),
];

const streams = new Set();
let eventId = 1000;
const tell = (event, data) => {
  eventId += 1;
  for (const stream of streams) stream.write(`id: ${eventId}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
};
setInterval(
  () => {
    const more = grown.get(412);
    const seq = 6 + more.length;
    more.push({
      seq,
      at: new Date().toISOString(),
      step: 2,
      run: 1,
      text: `\x1b[34m#12\x1b[0m ${seq}.2 \x1b[1;32m   Compiling\x1b[0m crate-${seq} v0.1.${seq}\n`,
    });
    tell("log", { job_id: 412, seq_from: seq, seq_to: seq });
  },
  Number(process.env.INFRAKT_FIXTURE_PACE ?? 2_000),
);
setInterval(() => {
  for (const stream of streams) stream.write(": beat\n\n");
}, 15_000);

const error = (status, detail, code, errors) => ({
  status,
  body: { detail, code, request_id: "01JA7Z4M2K9Q", ...(errors ? { errors } : {}) },
});
const accepted = (message) => ({ status: 202, body: { message, job_id: 414 } });
const empty = MOOD === "empty";
function answer(method, path, query) {
  const parts = path.split("/").slice(2).map(decodeURIComponent);
  const [a, b, c, d] = parts;
  if (a === "health") return { body: { status: "ok", version: "1.0.0" } };
  if (a === "session")
    return MOOD === "door" && method === "GET"
      ? error(401, "nobody is logged in", "session_over")
      : { body: { name: "laptop", scope: "admin" } };
  if (MOOD === "broken") return error(500, "something went wrong inside", "internal");
  if (method === "GET") {
    if (a === "dashboard")
      return {
        body: {
          total_servers: 6,
          active_servers: 3,
          total_apps: 8,
          running_apps: 6,
          total_databases: 2,
          recent_deployments: empty ? [] : deployments,
        },
      };
    if (a === "servers" && !b) return { body: empty ? [] : servers };
    if (a === "servers" && c === "status")
      return b === "edge-1"
        ? error(502, "connection refused by 198.51.100.7:22", "unreachable")
        : { body: status(servers.find((s) => s.name === b)) };
    if (a === "apps" && !b) return { body: empty ? [] : apps };
    if (a === "apps" && !c)
      return {
        body: {
          ...apps.find((x) => x.name === b),
          deployments: deployments.filter((x) => x.app_name === b),
          jobs: [],
          containers: [
            {
              id: "1",
              name: `infrakt-${b}-web-1`,
              service: "web",
              image: `infrakt/infrakt-${b}:71`,
              state: "running",
              exit_code: 0,
              restarts: 0,
              health: null,
              started_at: t(7200),
              deployment_id: 70,
            },
          ],
          containers_error: null,
        },
      };
    if (a === "apps" && c === "deployments") return { body: deployments.filter((x) => x.app_name === b) };
    if (a === "apps" && c === "logs" && !d)
      return { body: { app_name: b, logs: "web-1  | listening on 3000\nweb-1  | GET / 200\n" } };
    if (a === "apps" && c === "env" && d) return { body: { key: d, value: `value of ${d}` } };
    if (a === "apps" && c === "env")
      return {
        body: ["APP_URL", "DATABASE_URL", "FEATURE_CARTS", "JWT_PRIVATE_KEY"].map((k) => ({
          key: k,
          value: query.get("show_values") ? `value of ${k}` : "••••••••",
        })),
      };
    if (a === "databases" && !b)
      return {
        body: empty
          ? []
          : [
              {
                id: 9,
                name: "main",
                server_name: "prod-1",
                db_type: "postgres",
                port: 5432,
                status: "running",
                image: "postgres:17",
                host_port: 20110,
              },
              {
                id: 10,
                name: "cache",
                server_name: "prod-2",
                db_type: "redis",
                port: 6379,
                status: "deploying",
                image: "redis:8",
                host_port: null,
              },
            ],
      };
    if (a === "databases")
      return {
        body: {
          url: "postgres://main:made-up@main:5432/main",
          host: "main",
          port: 5432,
          user: "main",
          database: "main",
          password: "made-up",
        },
      };
    if (a === "proxy")
      return {
        body: [
          { domain: "web.example.com", port: 20003, url: "https://web.example.com", server_name: b, app_name: "web" },
        ],
      };
    if (a === "jobs" && !b) return { body: empty ? [] : query.get("active") ? alive : [...alive, ...ended] };
    if (a === "jobs" && c === "log")
      return { body: log(Number(b)).filter((x) => x.seq > Number(query.get("after") ?? 0)) };
    if (a === "jobs") {
      const found = [...alive, ...ended].find((x) => x.id === Number(b));
      return found ? { body: found } : error(404, `there is no job ${b}`, "not_found");
    }
    if (a === "keys")
      return {
        body: [
          { name: "laptop", scope: "admin", created_at: t(9e5), last_used_at: t(4) },
          { name: "ci", scope: "deploy", created_at: t(8e5), last_used_at: null },
        ],
      };
  }
  if (method === "POST" && a === "servers" && !b)
    return error(422, "a field is wrong", "invalid", [{ field: "host", message: "this is no host name or address" }]);
  if (method !== "GET") return accepted("it is queued as job 414");
  return error(404, "there is no such route", "not_found");
}
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};
createServer((request, response) => {
  const url = new URL(request.url, "http://here");
  if (url.pathname.startsWith("/api/")) {
    if (url.pathname === "/api/events" || url.pathname.endsWith("/logs/stream")) {
      response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
      response.write(`retry: 1000\nid: ${eventId}\n\n`);
      if (url.pathname === "/api/events") {
        streams.add(response);
        request.on("close", () => streams.delete(response));
      } else
        for (let i = 0; i < 40; i += 1)
          response.write(`event: log\ndata: ${JSON.stringify({ text: `web-1  | GET /item/${i} 200\n` })}\n\n`);
      return;
    }
    const got = answer(request.method, url.pathname, url.searchParams);
    setTimeout(
      () => {
        response.writeHead(got.status ?? 200, { "Content-Type": "application/json" });
        response.end(JSON.stringify(got.body));
      },
      MOOD === "slow" ? 5_000 : 0,
    );
    return;
  }
  let file = join(DIST, normalize(url.pathname));
  if (!file.startsWith(DIST) || !existsSync(file) || !statSync(file).isFile()) file = join(DIST, "index.html");
  response.writeHead(200, {
    "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
    "Content-Security-Policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  });
  createReadStream(file).pipe(response);
}).listen(PORT, "127.0.0.1");
