// What a person may ask of a job.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call, path } from "../api/call";
import type { Enqueued, Job, Message } from "../api/types";
import { useToasts } from "../ui/Toasts";

export interface JobActions {
  busy: string | null;
  cancel: (job: Job) => Promise<void>;
  retry: (job: Job) => Promise<Enqueued | null>;
  resolve: (job: Job, resolution: string) => Promise<void>;
  bump: (job: Job) => Promise<void>;
}

export function useJobActions(): JobActions {
  const client = useQueryClient();
  const toasts = useToasts();
  const [busy, setBusy] = useState<string | null>(null);
  const act = async <T>(job: Job, what: string, body: unknown, told: (answer: T) => void): Promise<T | null> => {
    setBusy(`${what}:${job.id}`);
    try {
      const answer = await call<T>(path`/jobs/${job.id}/${what}`, {
        method: "POST",
        ...(body === undefined ? {} : { body }),
      });
      told(answer);
      void client.invalidateQueries({ queryKey: ["jobs"] });
      void client.invalidateQueries({ queryKey: ["job", job.id] });
      return answer;
    } catch (error) {
      toasts.fail(error);
      return null;
    } finally {
      setBusy(null);
    }
  };
  const link = (id: number, title: string) => ({ to: `/jobs/${id}`, label: `${title} #${id}` });
  return {
    busy,
    cancel: async (job) => {
      await act<Message>(job, "cancel", undefined, () => toasts.say("is being cancelled", link(job.id, job.title)));
    },
    retry: (job) =>
      act<Enqueued>(job, "retry", undefined, (new_) => toasts.say("is queued", link(new_.job_id, job.title))),
    resolve: async (job, resolution) => {
      await act<Job>(job, "resolve", { resolution }, () =>
        toasts.say("goes on with your answer", link(job.id, job.title)),
      );
    },
    bump: async (job) => {
      await act<Job>(job, "bump", undefined, () => toasts.say("goes before the others now", link(job.id, job.title)));
    },
  };
}

/** Sends something that becomes a job, and says so with a link. */
export function useEnqueue(): (
  to: string,
  title: string,
  ask?: { method?: "POST" | "DELETE"; query?: Record<string, string | boolean | undefined>; body?: unknown },
) => Promise<Enqueued> {
  const client = useQueryClient();
  const toasts = useToasts();
  return async (to, title, ask = {}) => {
    const done = await call<Enqueued>(to, { method: "POST", ...ask });
    if (done?.job_id !== undefined)
      toasts.say(done.message, { to: `/jobs/${done.job_id}`, label: `${title} #${done.job_id}` });
    else toasts.say(done?.message ?? `${title}: done`);
    void client.invalidateQueries({ queryKey: ["jobs"] });
    return done;
  };
}
