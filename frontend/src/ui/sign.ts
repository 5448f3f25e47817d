// The one vocabulary of states: a shape, a word and a colour for each.
import type { Job, Server } from "../api/types";
import type { Shape } from "./shapes";

export type Tone = "run" | "ok" | "fail" | "retry" | "attn" | "idle";
export interface Sign {
  word: string;
  tone: Tone;
  /** `ring` is what runs. */
  shape: Shape | "ring";
}

const sign = (word: string, tone: Tone, shape: Sign["shape"]): Sign => ({ word, tone, shape });

export const RUNNING = sign("running", "run", "ring");
export const WAITING = sign("waiting", "idle", "clock");
export const RETRYING = sign("retrying", "retry", "retry");
export const NEEDS_YOU = sign("needs you", "attn", "diamond");
export const DONE = sign("done", "ok", "check");
export const FAILED = sign("failed", "fail", "xc");
const CANCELLING = sign("cancelling", "idle", "ring");
const CANCELLED = sign("cancelled", "idle", "slash");

export function jobSign(job: Pick<Job, "state"> & Partial<Pick<Job, "waiting_for">>): Sign {
  switch (job.state) {
    case "running":
      return RUNNING;
    case "attention":
      return NEEDS_YOU;
    case "succeeded":
      return DONE;
    case "failed":
      return FAILED;
    case "cancelled":
      return CANCELLED;
    case "cancelling":
      return CANCELLING;
    default:
      return job.waiting_for?.why === "retry" ? RETRYING : WAITING;
  }
}

export function stepSign(state: string): Sign | null {
  switch (state) {
    case "started":
    case "running":
      return RUNNING;
    case "succeeded":
      return DONE;
    case "skipped":
      return sign("already so", "ok", "check");
    case "failed":
      return FAILED;
    case "lost":
      return sign("outcome not known", "attn", "diamond");
    case "cancelled":
      return CANCELLED;
    default:
      return null;
  }
}

export function appSign(status: string): Sign {
  switch (status) {
    case "running":
      return sign("running", "ok", "dot");
    case "deploying":
      return sign("deploying", "run", "ring");
    case "error":
      return sign("error", "fail", "tri");
    case "stopped":
      return sign("stopped", "idle", "sq");
    default:
      return sign(status, "idle", "ringo");
  }
}

export function serverSign(server: Pick<Server, "status" | "paused" | "last_error">): Sign {
  if (server.paused) return sign("lane paused", "attn", "pause");
  if (server.status === "provisioning") return sign("provisioning", "run", "ring");
  if (server.status === "unreachable" || server.last_error) return sign("unreachable", "fail", "unlink");
  if (server.status === "active") return sign("active", "ok", "dot");
  return sign(server.status, "idle", "ringo");
}

export function deploymentSign(status: string): Sign {
  switch (status) {
    case "in_progress":
      return RUNNING;
    case "success":
      return DONE;
    case "failed":
      return FAILED;
    case "cancelled":
      return CANCELLED;
    default:
      return sign(status, "idle", "ringo");
  }
}

export function containerSign(state: string, health?: string | null): Sign {
  if (state === "running")
    return health === "unhealthy" ? sign("unhealthy", "fail", "tri") : sign("running", "ok", "dot");
  if (state === "restarting") return sign("restarting", "retry", "retry");
  if (state === "exited" || state === "dead") return sign(state, "fail", "tri");
  return sign(state, "idle", "sq");
}

export const isOver = (state: string): boolean => state === "succeeded" || state === "failed" || state === "cancelled";
