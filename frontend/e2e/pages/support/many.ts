// A home at the size that is promised: 1,000 servers, 10,000 apps, and one job whose log has 200,000 lines.
import { insert, text } from "./rows";
import { NOWHERE } from "./sample";

export const SERVERS = 1_000;
export const APPS = 10_000;
export const LINES = 200_000;
export const JOB = 7;
/** Stands in one line of each thousand. */
export const SELDOM = "warning: unused";

const LINES_OF_CHUNK = 400;

export function many(): string {
  const now = Date.now();
  const day = text(now - 86_400_000);
  const numbers = (to: number) => `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${to})`;
  const chunks = Array.from({ length: LINES / LINES_OF_CHUNK }, (_, c) => ({
    job_id: JOB,
    seq: c + 1,
    ts: now - 600_000 + c * 500,
    step_seq: 2,
    run: 1,
    chunk: Buffer.from(
      Array.from({ length: LINES_OF_CHUNK }, (_, l) => {
        const no = c * LINES_OF_CHUNK + l + 1;
        const word = no % 1_000 === 0 ? `\x1b[1;33m${SELDOM}\x1b[0m` : "\x1b[1;32m   Compiling\x1b[0m";
        return `\x1b[34m#12\x1b[0m ${(no / 100).toFixed(2)} ${word} crate-${no} v0.${no % 90}.${no % 7}\n`;
      }).join(""),
    ),
  }));
  const step = (seq: number, name: string, from: number, took: number) => ({
    job_id: JOB,
    seq,
    run: 1,
    name,
    remote_id: `0199aa00-0000-7000-8000-000000000007-${seq}-1`,
    script_sha256: "ab12",
    on_lost: "rerun",
    fence: 1,
    state: "succeeded",
    started_at: from,
    finished_at: from + took,
    exit_code: 0,
  });
  return [
    `${numbers(SERVERS)} INSERT INTO servers(id, name, host, port, user, status, created_at, updated_at)
       SELECT i, printf('srv-%04d', i), '${NOWHERE.host}', ${NOWHERE.port}, 'root', 'active', '${day}', '${day}' FROM n;`,
    `INSERT INTO server_ext(server_id, last_seen_at) SELECT id, ${now - 5_000} FROM servers;`,
    `INSERT INTO lane(id) SELECT 'srv:' || id FROM servers;`,
    `${numbers(APPS)} INSERT INTO apps(id, name, server_id, domain, port, git_repo, status, app_type, created_at, updated_at)
       SELECT i, printf('app-%05d', i), 1 + (i - 1) % ${SERVERS}, printf('app-%05d.example.com', i), 3000,
         printf('https://git.example.com/acme/app-%05d.git', i), CASE WHEN i % 9 = 0 THEN 'stopped' ELSE 'running' END, 'git', '${day}', '${day}' FROM n;`,
    `INSERT INTO app_ext(app_id, compose_project) SELECT id, 'infrakt-' || name FROM apps;`,
    `INSERT INTO route(server_id, domain, app_id) SELECT server_id, domain, id FROM apps;`,
    insert("job", [
      {
        id: JOB,
        uid: "0199aa00-0000-7000-8000-000000000007",
        kind: "deploy",
        title: "deploy app-00001",
        lane: "srv:1",
        server_id: 1,
        app_id: 1,
        server_name: "srv-0001",
        app_name: "app-00001",
        state: "succeeded",
        run_at: now - 610_000,
        args: "{}",
        plan: JSON.stringify({
          steps: ["fetch", "build"].map((name) => ({ name, script_sha256: "ab12", on_lost: "rerun" })),
        }),
        plan_version: 1,
        requested_by: "laptop",
        created_at: now - 610_000,
        started_at: now - 605_000,
        finished_at: now - 300_000,
      },
    ]),
    insert("job_step", [step(1, "fetch", now - 605_000, 900), step(2, "build", now - 604_000, 304_000)]),
    insert("job_log", chunks),
  ].join("\n");
}
