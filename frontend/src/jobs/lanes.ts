// What is said of a lane as a whole.
import type { Job } from "../api/types";

/** The order in which a person wants to see them: what asks, what runs, what tries again, what waits. */
export function rank(job: Job): number {
  if (job.state === "attention") return 0;
  if (job.state === "running" || job.state === "cancelling") return 1;
  return job.waiting_for?.why === "retry" ? 2 : 3;
}

export function laneWords(jobs: Job[]): string {
  const holder = jobs.find((job) => rank(job) < 2);
  const rest = jobs.filter((job) => job !== holder).length;
  const wait = `${rest} ${rest === 1 ? "waits" : "wait"}`;
  if (holder === undefined) return wait;
  const held = holder.state === "attention" ? `held by #${holder.id}` : "1 runs";
  return rest === 0 ? held : `${held}, ${wait}`;
}

export function lanesOf(jobs: Job[]): [string, Job[]][] {
  const by = new Map<string, Job[]>();
  for (const job of [...jobs].sort((a, b) => rank(a) - rank(b) || a.id - b.id)) {
    by.set(job.server_name, [...(by.get(job.server_name) ?? []), job]);
  }
  return [...by].sort(([, a], [, b]) => Math.min(...a.map(rank)) - Math.min(...b.map(rank)));
}
