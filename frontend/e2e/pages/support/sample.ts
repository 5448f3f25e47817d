// A home in the middle of its day: servers in every state, apps, databases, and jobs that run, wait, ask and have ended.
// Nothing of it reaches beyond this machine: each server is a port of the loopback on which nothing listens, what runs is held by a
// process of the tests, and what waits is not due.
import { insert, type Row, seal, text, type Value } from "./rows";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Nothing listens there. */
export const NOWHERE = { host: "127.0.0.1", port: 1 };
/** Who runs what is shown as running: `Place` holds its lock. */
export const RUNNER = "5f0c7c1e-8f0b-4a52-9d0e-6b1a6f3f2a10";

const KEY = { type: "ssh-ed25519", print: "SHA256:qC0zG1r7mH4v9TtJbX2LdPpYwN5sKe8RfUaQ6nW8Yk3" };
const OTHER_KEY = { type: "ssh-ed25519", print: "SHA256:9hTzL0pQ7sXbVd81mKc4uJ2yEo6RgWf3NaiXe2s0qB8" };

export const DEPLOY = ["fetch", "build", "start", "health", "route"];
const PROVISION = ["packages", "docker", "caddy", "fail2ban", "firewall", "folders", "caddyfile", "import"];

const ESC = "\x1b[";
const blue = (n: number) => `${ESC}34m#${n}${ESC}0m`;

const BUILD = [
  `${blue(1)} [internal] load build definition from Dockerfile`,
  `${blue(1)} ${ESC}32mDONE${ESC}0m 0.0s`,
  `${blue(2)} [internal] load metadata for images.example.com/library/node:22-slim`,
  `${blue(2)} ${ESC}32mDONE${ESC}0m 1.1s`,
  `${blue(4)} [internal] load build context`,
  `${blue(4)} transferring context: 1.84MB 0.1s done`,
  `${blue(5)} [1/6] FROM images.example.com/library/node:22-slim`,
  `${blue(5)} ${ESC}36mCACHED${ESC}0m`,
  `${blue(7)} [2/6] WORKDIR /src`,
  `${blue(7)} ${ESC}36mCACHED${ESC}0m`,
  `${blue(9)} [3/6] COPY package.json package-lock.json ./`,
  `${blue(9)} ${ESC}36mCACHED${ESC}0m`,
  `${blue(10)} [4/6] RUN npm ci`,
  `${blue(10)} ${ESC}36mCACHED${ESC}0m`,
  `${blue(11)} [5/6] COPY . .`,
  `${blue(11)} ${ESC}32mDONE${ESC}0m 0.2s`,
  `${blue(12)} [6/6] RUN npm run build`,
  `${blue(12)} 1.204 > web@3.8.1 build`,
  `${blue(12)} 1.204 > vite build`,
  `${blue(12)} 2.318 ${ESC}36mvite v7.1.2 ${ESC}32mbuilding for production...${ESC}0m`,
  `${blue(12)} 4.902 transforming (1) index.html`,
  `${blue(12)} 9.117 ${ESC}1;33mwarning${ESC}0m: "useOrders" is imported from "src/orders.ts" but never used`,
];

function chunk(job: number, seq: number, ts: number, step: number | null, lines: string[]): Row {
  const body = Buffer.from(lines.map((line) => `${line}\n`).join(""));
  return { job_id: job, seq, ts, step_seq: step, run: step === null ? null : 1, chunk: body };
}

interface Step {
  state: string;
  from: number;
  took: number | null;
  exit?: number;
  output?: Record<string, Value>;
}

/** A job with its steps: `steps` are those that were begun, in the order of `plan`. */
function job(now: number, row: Row & { id: number }, plan: string[], steps: Step[]): string {
  const uid = `0199aa00-0000-7000-8000-${String(row.id).padStart(12, "0")}`;
  const stored = { steps: plan.map((name) => ({ name, script_sha256: "ab12", on_lost: "rerun" })) };
  const whole: Row = {
    uid,
    args: "{}",
    run_at: now,
    plan: steps.length === 0 ? null : JSON.stringify(stored),
    plan_version: steps.length === 0 ? null : 1,
    fence: row.id,
    requested_by: "laptop",
    created_at: now,
    ...row,
  };
  const rows = steps.map((step, i) => ({
    job_id: row.id,
    seq: i + 1,
    run: 1,
    name: plan[i] ?? "",
    remote_id: `${uid}-${i + 1}-1`,
    script_sha256: "ab12",
    on_lost: "rerun",
    fence: row.id,
    state: step.state,
    started_at: step.from,
    finished_at: step.took === null ? null : step.from + step.took,
    exit_code: step.exit ?? (step.state === "succeeded" ? 0 : null),
    output: step.output === undefined ? null : JSON.stringify(step.output),
  }));
  return `${insert("job", [whole])}\n${insert("job_step", rows)}`;
}

/** Steps one after the other, `took` milliseconds each. */
function done(from: number, took: number[], output: Record<number, Record<string, Value>> = {}): Step[] {
  let at = from;
  return took.map((ms, i) => {
    const step: Step = { state: "succeeded", from: at, took: ms };
    if (output[i] !== undefined) step.output = output[i];
    at += ms;
    return step;
  });
}

interface App {
  id: number;
  name: string;
  server: number;
  status: string;
  image?: string;
  type?: string;
  domains?: string[];
  current?: number | null;
  port?: number;
  changed?: number;
}

function app(now: number, one: App): string {
  const domains = one.domains ?? [`${one.name}.example.com`];
  const git = one.image === undefined ? `https://git.example.com/acme/${one.name}.git` : null;
  const changed = text(now - (one.changed ?? 2 * HOUR));
  return [
    insert("apps", [
      {
        id: one.id,
        name: one.name,
        server_id: one.server,
        domain: domains[0] ?? null,
        port: one.port ?? 3000,
        git_repo: git,
        branch: "main",
        image: one.image ?? null,
        status: one.status,
        app_type: one.type ?? (git === null ? "image" : "git"),
        created_at: text(now - 90 * DAY),
        updated_at: changed,
      },
    ]),
    insert("app_ext", [
      {
        app_id: one.id,
        compose_project: `infrakt-${one.name}`,
        health_path: one.type === undefined ? "/up" : null,
        memory: one.type === undefined ? "512m" : null,
        current_deployment_id: one.current ?? null,
      },
    ]),
    insert(
      "route",
      domains.map((domain) => ({ server_id: one.server, domain, app_id: one.id })),
    ),
    insert("host_port", [{ server_id: one.server, port: 20_000 + one.id, app_id: one.id, role: "main" }]),
  ].join("\n");
}

interface Deployment {
  id: number;
  app: number;
  name: string;
  status: string;
  hash: string;
  subject: string;
  ago: number;
  took: number | null;
}

function deployment(now: number, one: Deployment, env: string): string {
  return [
    insert("deployments", [
      {
        id: one.id,
        app_id: one.app,
        commit_hash: one.hash.padEnd(40, "0123456789abcdef"),
        status: one.status,
        started_at: text(now - one.ago),
        finished_at: one.took === null ? null : text(now - one.ago + one.took),
      },
    ]),
    insert("deployment_ext", [{ deployment_id: one.id, commit_subject: one.subject, images: null }]),
    insert("deployment_spec", [
      {
        deployment_id: one.id,
        app_id: one.app,
        source: JSON.stringify({ type: "git", url: `https://git.example.com/acme/${one.name}.git`, branch: "main" }),
        env_sealed: env,
        resources: JSON.stringify({ port: 3000, service: null, health_path: "/up", health_timeout_s: null }),
        routes: JSON.stringify([`${one.name}.example.com`]),
        spec_hash: "0".repeat(64),
      },
    ]),
  ].join("\n");
}

/** The variables of `web`. */
export const VARIABLES = {
  APP_NAME: "shop & co.",
  APP_URL: "https://web.example.com",
  DATABASE_URL: "postgres://main:made-up@main:5432/main",
  FEATURE_CARTS: "on",
  JWT_PRIVATE_KEY: "-----BEGIN PRIVATE KEY-----\nmade up\n-----END PRIVATE KEY-----\n",
};

/** Those that its version on the server was put there with. */
const SERVED = { ...VARIABLES, FEATURE_CARTS: "off", MAIL_HOST: "mail.example.com", APP_NAME: undefined };

/** Sealed, as `envs/<app id>.json` and the snapshots of deployments have them. */
export function environment(masterKey: string, variables: Record<string, string | undefined> = VARIABLES): string {
  const known = Object.entries(variables).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return JSON.stringify(Object.fromEntries(known.map(([name, value]) => [name, seal(masterKey, value)])), null, 2);
}

export function sample(masterKey: string): string {
  const now = Date.now();
  const servers: [number, string, string, number | null, Row?][] = [
    [1, "prod-1", "active", 4 * SECOND],
    [2, "prod-2", "active", 4 * SECOND],
    [3, "lab", "provisioning", 4 * SECOND],
    [
      4,
      "edge-1",
      "active",
      31 * MINUTE,
      { last_error: "connection refused by edge-1: nothing listens on its port 22" },
    ],
    [5, "staging", "active", 2 * HOUR],
    [6, "spare", "inactive", null],
  ];
  const hostKey = (key: typeof KEY) => ({ key_type: key.type, fingerprint: key.print });
  const lanes: Row[] = [
    { id: "srv:1", epoch: 412, running_job: 412, held_by: 412, paused_at: null, pause_reason: null },
    { id: "srv:2", epoch: 409, running_job: null, held_by: 409, paused_at: null, pause_reason: null },
    { id: "srv:3", epoch: 416, running_job: 416, held_by: 416, paused_at: null, pause_reason: null },
    { id: "srv:4", epoch: 411, running_job: null, held_by: null, paused_at: null, pause_reason: null },
    {
      id: "srv:5",
      epoch: 300,
      running_job: null,
      held_by: null,
      paused_at: now - 2 * HOUR,
      pause_reason: JSON.stringify({ why: "host_key", pinned: hostKey(KEY), seen: hostKey(OTHER_KEY) }),
    },
    { id: "srv:6", epoch: 0, running_job: null, held_by: null, paused_at: null, pause_reason: null },
  ];
  const on = (server: number, name: string) => ({ lane: `srv:${server}`, server_id: server, server_name: name });
  const held = { worker: RUNNER, lease_until: now + 30 * DAY };
  const ended = (state: string, created: number, waited: number, took: number) => ({
    state,
    created_at: now - created,
    started_at: now - created + waited,
    finished_at: now - created + waited + took,
  });
  const web = { kind: "deploy", title: "deploy web", app_id: 1, app_name: "web", ...on(1, "prod-1") };
  const usual = [700, 84_000, 4_100, 6_200, 900];
  const older = [303, 318, 341, 366].map((id, i) =>
    job(
      now,
      { id, ...web, deployment_id: 40 + i, ...ended("succeeded", (6 - i) * DAY, 3 * SECOND, 95_900) },
      DEPLOY,
      done(now - (6 - i) * DAY + 3 * SECOND, usual),
    ),
  );
  const jobs = [
    ...older,
    job(
      now,
      {
        id: 396,
        kind: "deploy",
        title: "deploy api",
        app_id: 2,
        app_name: "api",
        ...on(1, "prod-1"),
        state: "cancelled",
        created_at: now - 5 * HOUR,
        finished_at: now - 5 * HOUR + 9 * SECOND,
        requested_by: "key:ci",
        result: JSON.stringify({ superseded_by: 398 }),
        error: "superseded by job 398",
        error_class: "cancelled/superseded",
      },
      [],
      [],
    ),
    job(
      now,
      {
        id: 398,
        kind: "deploy",
        title: "deploy api",
        app_id: 2,
        app_name: "api",
        ...on(1, "prod-1"),
        deployment_id: 61,
        ...ended("succeeded", 5 * HOUR - 9 * SECOND, 14 * SECOND, 71 * SECOND),
        requested_by: "key:ci",
      },
      DEPLOY,
      done(now - 5 * HOUR + 23 * SECOND, [600, 60_000, 4_000, 5_400, 1_000]),
    ),
    job(
      now,
      {
        id: 401,
        ...web,
        deployment_id: 70,
        ...ended("succeeded", 2 * HOUR, 4 * SECOND, 95_900),
        requested_by: "key:ci",
      },
      DEPLOY,
      done(now - 2 * HOUR + 4 * SECOND, usual, {
        0: { note: "9d01b7e, 214 objects" },
        3: { note: "200 from http://127.0.0.1:20001/up" },
        4: { url: "https://web.example.com" },
      }),
    ),
    job(
      now,
      {
        id: 405,
        kind: "deploy",
        title: "deploy preview",
        app_id: 8,
        app_name: "preview",
        ...on(5, "staging"),
        created_at: now - 2 * HOUR,
        requested_by: "key:ci",
      },
      [],
      [],
    ),
    job(
      now,
      {
        id: 407,
        kind: "deploy",
        title: "deploy blog",
        app_id: 5,
        app_name: "blog",
        ...on(2, "prod-2"),
        deployment_id: 65,
        ...ended("failed", 43 * MINUTE, 7 * SECOND, 123 * SECOND),
        error:
          "nothing answered on port 3000 within 60 s\nhint: the container runs, but it listens elsewhere; the version before still serves",
        error_class: "permanent/health_failed",
      },
      DEPLOY,
      [
        ...done(now - 43 * MINUTE + 7 * SECOND, [800, 52_000, 4_200]),
        { state: "failed", from: now - 42 * MINUTE, took: 62 * SECOND, exit: 1 },
      ],
    ),
    insert("job_step", [
      {
        job_id: 407,
        seq: 103,
        run: 1,
        name: "undo start",
        remote_id: "0199aa00-0000-7000-8000-000000000407-103-1",
        script_sha256: "ab12",
        on_lost: "rerun",
        fence: 407,
        state: "succeeded",
        started_at: now - 41 * MINUTE + 2 * SECOND,
        finished_at: now - 41 * MINUTE + 5 * SECOND,
        exit_code: 0,
        output: JSON.stringify({ note: "5b0e6f2 is up again" }),
      },
    ]),
    job(
      now,
      {
        id: 409,
        kind: "deploy",
        title: "deploy shop",
        app_id: 4,
        app_name: "shop",
        ...on(2, "prod-2"),
        deployment_id: 69,
        state: "attention",
        wait_reason: "prod-2 rebooted while `start` ran and kept no exit code",
        created_at: now - 14 * MINUTE - 20 * SECOND,
        started_at: now - 14 * MINUTE - 15 * SECOND,
        requested_by: "key:ci",
      },
      DEPLOY,
      [
        ...done(now - 14 * MINUTE - 15 * SECOND, [800, 49_000]),
        { state: "lost", from: now - 13 * MINUTE, took: 40 * SECOND },
      ],
    ),
    job(
      now,
      {
        id: 410,
        kind: "provision",
        title: "provision prod-1",
        ...on(1, "prod-1"),
        ...ended("succeeded", 3 * HOUR, 10 * SECOND, 130 * SECOND),
      },
      PROVISION,
      PROVISION.map((_, i) => ({
        state: i < 6 ? "skipped" : "succeeded",
        from: now - 3 * HOUR + 10 * SECOND + i * 2 * SECOND,
        took: 2 * SECOND,
        ...(i === 1 ? { output: { skipped: "docker 28.3 is there" } } : {}),
      })),
    ),
    job(
      now,
      {
        id: 411,
        kind: "restart",
        title: "restart status",
        app_id: 7,
        app_name: "status",
        ...on(4, "edge-1"),
        attempt: 3,
        run_at: now + 6 * HOUR,
        wait_reason: "connection refused by edge-1",
        created_at: now - 2 * MINUTE,
      },
      [],
      [],
    ),
    job(
      now,
      {
        id: 412,
        ...web,
        deployment_id: 71,
        state: "running",
        ...held,
        created_at: now - 80 * SECOND,
        started_at: now - 72 * SECOND,
      },
      DEPLOY,
      [
        { state: "succeeded", from: now - 72 * SECOND, took: 800, output: { note: "3f2c1a0, 214 objects" } },
        { state: "started", from: now - 71 * SECOND, took: null },
      ],
    ),
    job(
      now,
      {
        id: 413,
        kind: "deploy",
        title: "deploy docs",
        app_id: 6,
        app_name: "docs",
        ...on(2, "prod-2"),
        created_at: now - 50 * SECOND,
        requested_by: "key:ci",
      },
      [],
      [],
    ),
    job(
      now,
      {
        id: 414,
        kind: "deploy",
        title: "deploy api",
        app_id: 2,
        app_name: "api",
        ...on(1, "prod-1"),
        created_at: now - 30 * SECOND,
        requested_by: "key:ci",
      },
      [],
      [],
    ),
    job(
      now,
      {
        id: 415,
        kind: "env_push",
        title: "env push worker",
        app_id: 3,
        app_name: "worker",
        ...on(1, "prod-1"),
        created_at: now - 18 * SECOND,
      },
      [],
      [],
    ),
    job(
      now,
      {
        id: 416,
        kind: "provision",
        title: "provision lab",
        ...on(3, "lab"),
        state: "running",
        ...held,
        created_at: now - 14 * SECOND,
        started_at: now - 12 * SECOND,
      },
      PROVISION,
      [
        { state: "succeeded", from: now - 12 * SECOND, took: 5 * SECOND },
        { state: "started", from: now - 6 * SECOND, took: null },
      ],
    ),
  ];
  const apps: App[] = [
    { id: 1, name: "web", server: 1, status: "running", domains: ["web.example.com", "www.example.com"], current: 70 },
    { id: 2, name: "api", server: 1, status: "running", current: 61, changed: 5 * HOUR },
    {
      id: 3,
      name: "worker",
      server: 1,
      status: "running",
      image: "images.example.com/acme/worker:stable",
      domains: [],
    },
    { id: 4, name: "shop", server: 2, status: "deploying", changed: 14 * MINUTE },
    { id: 5, name: "blog", server: 2, status: "running", current: 58, changed: 42 * MINUTE },
    { id: 6, name: "docs", server: 2, status: "running", current: 60, changed: 25 * HOUR },
    { id: 7, name: "status", server: 4, status: "running", changed: 3 * DAY },
    { id: 8, name: "preview", server: 5, status: "stopped", changed: 2 * HOUR },
    {
      id: 9,
      name: "main",
      server: 1,
      status: "running",
      type: "db:postgres",
      image: "postgres:17",
      domains: [],
      port: 5432,
    },
    {
      id: 10,
      name: "cache",
      server: 2,
      status: "deploying",
      type: "db:redis",
      image: "redis:8",
      domains: [],
      port: 6379,
    },
  ];
  const deployments: Deployment[] = [
    ...older.map((_, i) => ({
      id: 40 + i,
      app: 1,
      name: "web",
      status: "success",
      hash: ["b7710fe", "c0ffee1", "77e4d02", "1f0a9bc"][i] ?? "",
      subject: ["Show prices with tax", "Keep the cart for a week", "Read the locale once", "Move to Node 22"][i] ?? "",
      ago: (6 - i) * DAY,
      took: 96 * SECOND,
    })),
    {
      id: 58,
      app: 5,
      name: "blog",
      status: "success",
      hash: "5b0e6f2",
      subject: "Add a feed",
      ago: 3 * DAY,
      took: 41_000,
    },
    {
      id: 60,
      app: 6,
      name: "docs",
      status: "success",
      hash: "77aa019",
      subject: "Explain health checks",
      ago: 25 * HOUR,
      took: 24_000,
    },
    {
      id: 61,
      app: 2,
      name: "api",
      status: "success",
      hash: "a1b2c3d",
      subject: "Page the list of orders",
      ago: 5 * HOUR,
      took: 71_000,
    },
    {
      id: 65,
      app: 5,
      name: "blog",
      status: "failed",
      hash: "e20d9c1",
      subject: "Switch to bun",
      ago: 43 * MINUTE,
      took: 123_000,
    },
    {
      id: 69,
      app: 4,
      name: "shop",
      status: "in_progress",
      hash: "c4417ae",
      subject: "Move carts to redis",
      ago: 14 * MINUTE,
      took: null,
    },
    {
      id: 70,
      app: 1,
      name: "web",
      status: "success",
      hash: "9d01b7e",
      subject: "Bump the http client",
      ago: 2 * HOUR,
      took: 96_000,
    },
    {
      id: 71,
      app: 1,
      name: "web",
      status: "in_progress",
      hash: "3f2c1a0",
      subject: "Fix login",
      ago: 72 * SECOND,
      took: null,
    },
  ];
  const logs = [
    chunk(412, 1, now - 71_200, 1, [
      "cloning https://git.example.com/acme/web.git",
      "HEAD is now at 3f2c1a0 Fix login",
    ]),
    chunk(412, 2, now - 60_000, 2, BUILD),
    chunk(412, 3, now - 40_000, null, [
      "! lost the connection to prod-1 (timed out); the step goes on there. reconnecting",
    ]),
    chunk(412, 4, now - 19_000, null, [". back after 21s"]),
    chunk(412, 5, now - 18_000, 2, [
      `${blue(12)} 31.044 ${ESC}32m✓${ESC}0m 412 modules transformed.`,
      `${blue(12)} 33.871 rendering chunks...`,
      `${blue(12)} 36.402 computing gzip size...`,
    ]),
    chunk(407, 1, now - 43 * MINUTE + 8_000, 1, ["HEAD is now at e20d9c1 Switch to bun"]),
    chunk(407, 2, now - 43 * MINUTE + 20_000, 2, BUILD.slice(0, 17)),
    chunk(407, 3, now - 42 * MINUTE - 4_000, 3, [
      " Container infrakt-blog-web-1  Starting",
      " Container infrakt-blog-web-1  Started",
    ]),
    chunk(407, 4, now - 42 * MINUTE + 60_000, 4, [
      "GET http://127.0.0.1:20005/up … connection refused",
      "GET http://127.0.0.1:20005/up … connection refused",
      "web-1  | Listening on http://0.0.0.0:8080",
      `${ESC}1;31mnothing answered on port 3000 within 60 s${ESC}0m`,
    ]),
    chunk(409, 1, now - 14 * MINUTE, 1, ["HEAD is now at c4417ae Move carts to redis"]),
    chunk(409, 2, now - 13 * MINUTE - 30_000, 2, BUILD),
    chunk(409, 3, now - 13 * MINUTE + 5_000, 3, [" Container infrakt-shop-web-1  Starting"]),
    chunk(409, 4, now - 12 * MINUTE, null, [
      "! lost the connection to prod-2 (reset by peer); the step goes on there. reconnecting",
    ]),
    chunk(401, 1, now - 2 * HOUR + 5_000, 1, ["HEAD is now at 9d01b7e Bump the http client"]),
    chunk(401, 2, now - 2 * HOUR + 60_000, 2, BUILD),
    chunk(401, 3, now - 2 * HOUR + 90_000, 4, ["GET http://127.0.0.1:20001/up … 200"]),
    chunk(416, 1, now - 8_000, 1, ["Hit:1 http://deb.example.com/debian trixie InRelease", "Reading package lists..."]),
  ];
  return [
    insert(
      "servers",
      servers.map(([id, name, status]) => ({
        id,
        name,
        host: NOWHERE.host,
        port: NOWHERE.port,
        user: "root",
        status,
        created_at: text(now - 100 * DAY),
        updated_at: text(now - DAY),
      })),
    ),
    insert(
      "server_ext",
      servers.map(([id, , , seen, more]) => ({
        server_id: id,
        host_key_type: KEY.type,
        host_key_sha256: KEY.print,
        last_seen_at: seen === null ? null : now - seen,
        ...more,
      })),
    ),
    insert("lane", lanes),
    insert("worker", [
      {
        id: RUNNER,
        host: "here",
        pid: 1,
        kind: "worker",
        version: "0.0.0",
        started_at: now,
        beat_at: now,
        draining: 0,
      },
    ]),
    ...apps.map((one) => app(now, one)),
    `UPDATE app_ext SET password_sealed = '${seal(masterKey, "made-up")}' WHERE app_id IN (9, 10);`,
    insert("route", [{ server_id: 1, domain: "grafana.internal", app_id: null, port: 3001 }]),
    ...deployments.map((one) => deployment(now, one, one.id === 70 ? environment(masterKey, SERVED) : "{}")),
    ...jobs,
    insert("job_attempt", [
      {
        job_id: 412,
        fence: 411,
        worker: "gone",
        started_at: now - 72 * SECOND,
        ended_at: now - 50 * SECOND,
        outcome: "taken_over",
      },
      { job_id: 412, fence: 412, worker: RUNNER, started_at: now - 50 * SECOND, ended_at: null, outcome: null },
      { job_id: 416, fence: 416, worker: RUNNER, started_at: now - 12 * SECOND, ended_at: null, outcome: null },
    ]),
    insert("job_log", logs),
    insert(
      "api_key",
      [
        { name: "laptop", scope: "admin", created_at: now - 60 * DAY, last_used_at: now - 4 * SECOND },
        { name: "ci", scope: "deploy", created_at: now - 20 * DAY, last_used_at: null },
      ].map((key) => ({ ...key, hash: key.name.padEnd(64, "0"), created_by: "laptop" })),
    ),
  ].join("\n");
}
