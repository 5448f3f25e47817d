// For tests alone: whole objects out of what a test is about.
import type { Job, Step } from "./api/types";

type Loose<T> = { [K in keyof T]?: T[K] | undefined };
type Wait = NonNullable<Job["waiting_for"]>;

export type JobWords = Omit<Loose<Job>, "waiting_for"> & { waiting_for?: Loose<Wait> & { why: string } };

export function aJob({ waiting_for, ...more }: JobWords = {}): Job {
  const wait = { job_id: null, until: null, since: null, usual_ms: null };
  return {
    id: 4,
    kind: "deploy",
    title: "deploy web",
    server_name: "prod-1",
    app_name: null,
    deployment_id: null,
    state: "queued",
    reason: null,
    hint: null,
    code: null,
    attempt: 0,
    created_at: "2026-11-25T20:00:00Z",
    started_at: null,
    finished_at: null,
    requested_by: "ann",
    retry_of: null,
    superseded_by: null,
    steps: [],
    ...more,
    waiting_for: waiting_for === undefined ? null : { ...wait, ...waiting_for },
  } as Job;
}

export function aStep(seq: number, name: string, state: string): Step {
  return { seq, name, state, runs: 1, started_at: null, finished_at: null, exit_code: null, note: null };
}
