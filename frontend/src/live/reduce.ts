// What an event changes of what is known. Pure: from the event to corrections that can be made at once, and to what must be asked anew.
import type { App, Job, Server } from "../api/types";
import type { Frame } from "./sse";

/** An event as it came; its fields stand at the top or in `data`. */
export interface Told {
  kind: string;
  jobId?: number;
  deploymentId?: number;
  server?: string;
  app?: string;
  fields: Record<string, unknown>;
}

export type Change =
  | { do: "job"; id: number; state: string }
  | { do: "step"; job: number; seq: number; name: string; state: string; at: string; exit: number | null; run: number }
  | { do: "server"; name: string; status: string }
  | { do: "app"; server: string; name: string; status: string }
  /** The job's log reaches to `to` now. */
  | { do: "log"; job: number; to: number }
  /** Queries whose key begins so are asked anew. */
  | { do: "stale"; key: (string | number)[] }
  | { do: "all" };

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

export function read(frame: Frame): Told | null {
  let body: unknown;
  try {
    body = frame.data === "" ? {} : JSON.parse(frame.data);
  } catch {
    return null;
  }
  if (typeof body !== "object" || body === null) return null;
  const fields = body as Record<string, unknown>;
  const text = (key: string) => (typeof fields[key] === "string" ? (fields[key] as string) : undefined);
  return {
    kind: frame.event,
    ...(number(fields.job_id) === undefined ? {} : { jobId: number(fields.job_id) as number }),
    ...(number(fields.deployment_id) === undefined ? {} : { deploymentId: number(fields.deployment_id) as number }),
    ...(text("server_name") === undefined ? {} : { server: text("server_name") as string }),
    ...(text("app_name") === undefined ? {} : { app: text("app_name") as string }),
    fields,
  };
}

const FINAL = new Set(["succeeded", "failed", "cancelled"]);

export function reduce(told: Told): Change[] {
  const { jobId, fields } = told;
  const text = (key: string) => (typeof fields[key] === "string" ? (fields[key] as string) : undefined);
  // When it happened, by infrakt's clock.
  const at = text("at") ?? "";
  switch (told.kind) {
    case "reset":
      return [{ do: "all" }];
    case "job": {
      if (jobId === undefined) return [];
      const state = text("state");
      const changes: Change[] = state === undefined ? [] : [{ do: "job", id: jobId, state }];
      // Its reason, its place behind others and theirs behind it are the server's to say.
      changes.push({ do: "stale", key: ["job", jobId] }, { do: "stale", key: ["jobs"] });
      if (state !== undefined && FINAL.has(state)) {
        changes.push({ do: "stale", key: ["dashboard"] }, { do: "stale", key: ["deployments"] });
        changes.push(
          { do: "stale", key: ["server-status"] },
          { do: "stale", key: ["app"] },
          { do: "stale", key: ["env"] },
          { do: "stale", key: ["routes"] },
        );
      } else if (told.deploymentId !== undefined && state === "queued") {
        changes.push({ do: "stale", key: ["dashboard"] }, { do: "stale", key: ["deployments"] });
        changes.push({ do: "stale", key: ["env"] });
      }
      return changes;
    }
    case "step": {
      const [seq, name, state] = [number(fields.seq), text("name"), text("state")];
      if (jobId === undefined || seq === undefined || name === undefined || state === undefined) return [];
      const exit = number(fields.exit_code) ?? null;
      const run = number(fields.run) ?? 1;
      const step: Change = { do: "step", job: jobId, seq, name, state, at, exit, run };
      return [step, { do: "stale", key: ["job", jobId] }];
    }
    case "log": {
      const to = number(fields.seq_to);
      return jobId === undefined || to === undefined ? [] : [{ do: "log", job: jobId, to }];
    }
    case "server": {
      const status = text("status");
      const known: Change[] =
        status === undefined || told.server === undefined ? [] : [{ do: "server", name: told.server, status }];
      // Its name, which may be another one now, stands in all of these.
      const named = text("what") === "edited" ? ["apps", "app", "databases", "dashboard"] : [];
      return [...known, ...["servers", "jobs", ...named].map((key): Change => ({ do: "stale", key: [key] }))];
    }
    case "app": {
      const status = text("status");
      const known: Change[] =
        status === undefined || told.app === undefined || told.server === undefined
          ? []
          : [{ do: "app", server: told.server, name: told.app, status }];
      const lists: Change[] = ["apps", "app", "databases", "dashboard"].map((key) => ({ do: "stale", key: [key] }));
      return [...known, ...lists];
    }
    case "deployment":
      return [
        { do: "stale", key: ["dashboard"] },
        { do: "stale", key: ["deployments"] },
        { do: "stale", key: ["app"] },
      ];
    default:
      return [];
  }
}

/** An ended job never changes again: an event that comes late cannot wake it. */
export function withState(job: Job, state: string): Job {
  return FINAL.has(job.state) || job.state === state ? job : { ...job, state };
}

export function withStep(job: Job, change: Extract<Change, { do: "step" }>): Job {
  if (FINAL.has(job.state)) return job;
  const over = change.state !== "started";
  const there = job.steps.find((step) => step.seq === change.seq);
  const same = there !== undefined && there.runs === change.run;
  const step = {
    note: same ? there.note : null,
    seq: change.seq,
    name: change.name,
    state: change.state,
    started_at: (same ? there.started_at : null) ?? change.at,
    finished_at: over ? ((same ? there.finished_at : null) ?? change.at) : null,
    exit_code: change.exit,
    runs: change.run,
  };
  const others = job.steps.filter((other) => other.seq !== change.seq);
  return { ...job, steps: [...others, step].sort((a, b) => a.seq - b.seq) };
}

export function withStatus<T extends Server | App>(rows: T[], is: (row: T) => boolean, status: string): T[] {
  return rows.some((row) => is(row) && row.status !== status)
    ? rows.map((row) => (is(row) ? { ...row, status } : row))
    : rows;
}
