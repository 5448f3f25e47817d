// Ties the line to the query cache: corrections at once, questions gathered for a moment, logs by number.
import { type InfiniteData, type Query, type QueryClient, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, use, useEffect, useMemo, useState } from "react";
import { signOut } from "../api/call";
import type { App, Job, Server } from "../api/types";
import { Line, type LineState } from "./line";
import { type Change, read, reduce, withState, withStatus, withStep } from "./reduce";

/** Questions that several events raise within this time are asked once. */
const GATHER_MS = 120;

type LogListener = (to: number) => void;

export interface Live {
  state: LineState;
  /** What is shown may be old: since when. */
  oldSince: number | null;
  /** Called when a job's log has grown, and after each gap. */
  onLog: (job: number, listener: LogListener) => () => void;
  tryNow: () => void;
}

const Context = createContext<Live>({
  state: { is: "connecting" },
  oldSince: null,
  onLog: () => () => undefined,
  tryNow: () => undefined,
});

export const useLive = (): Live => use(Context);

/** No event tells that a question which failed while the line was down can be answered now. */
export const unanswered = { predicate: (query: Query) => query.state.status === "error" };

export function apply(client: QueryClient, change: Change): void {
  const jobs = (map: (job: Job) => Job) => {
    client.setQueryData<Job[]>(["jobs", "alive"], (rows) => rows?.map(map));
    client.setQueriesData<InfiniteData<{ items: Job[]; next: string | null }>>({ queryKey: ["jobs", "all"] }, (data) =>
      data === undefined
        ? data
        : { ...data, pages: data.pages.map((page) => ({ ...page, items: page.items.map(map) })) },
    );
  };
  switch (change.do) {
    case "job": {
      const map = (job: Job) => (job.id === change.id ? withState(job, change.state) : job);
      jobs(map);
      client.setQueryData<Job>(["job", change.id], (job) => job && map(job));
      return;
    }
    case "step": {
      const map = (job: Job) => (job.id === change.job ? withStep(job, change) : job);
      jobs(map);
      client.setQueryData<Job>(["job", change.job], (job) => job && map(job));
      return;
    }
    case "server":
      client.setQueryData<Server[]>(
        ["servers"],
        (rows) => rows && withStatus(rows, (row) => row.name === change.name, change.status),
      );
      return;
    case "app":
      client.setQueryData<App[]>(
        ["apps"],
        (rows) =>
          rows &&
          withStatus(rows, (row) => row.name === change.name && row.server_name === change.server, change.status),
      );
      return;
    case "log":
    case "stale":
    case "all":
  }
}

export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [state, setState] = useState<LineState>({ is: "connecting" });
  const shared = useMemo(() => ({ listeners: new Map<number, Set<LogListener>>(), line: null as Line | null }), []);

  useEffect(() => {
    const stale = new Map<string, (string | number)[]>();
    let timer: ReturnType<typeof setTimeout> | null = null;
    const ask = () => {
      timer = null;
      for (const queryKey of stale.values()) void client.invalidateQueries({ queryKey });
      stale.clear();
    };
    const logs = () => {
      for (const listeners of shared.listeners.values()) for (const tell of listeners) tell(Number.MAX_SAFE_INTEGER);
    };
    const everything = () => {
      void client.invalidateQueries();
      logs();
    };
    const line = new Line({
      onState: (next) => {
        setState(next);
        if (next.is === "refused" && next.status === 401) signOut(true);
      },
      onOpen: (gap) => {
        if (gap) return everything();
        void client.invalidateQueries(unanswered);
        logs();
      },
      onFrame: (frame) => {
        const told = read(frame);
        if (told === null) return;
        for (const change of reduce(told)) {
          if (change.do === "all") everything();
          else if (change.do === "stale") {
            stale.set(JSON.stringify(change.key), change.key);
            timer ??= setTimeout(ask, GATHER_MS);
          } else if (change.do === "log") {
            for (const tell of shared.listeners.get(change.job) ?? []) tell(change.to);
          } else apply(client, change);
        }
      },
    });
    shared.line = line;
    line.start();
    return () => {
      line.stop();
      if (timer !== null) clearTimeout(timer);
    };
  }, [client, shared]);

  const live = useMemo<Live>(
    () => ({
      state,
      oldSince: state.is === "offline" ? state.since : null,
      onLog: (job, listener) => {
        const there = shared.listeners.get(job) ?? new Set();
        shared.listeners.set(job, there.add(listener));
        return () => {
          there.delete(listener);
          if (there.size === 0) shared.listeners.delete(job);
        };
      },
      tryNow: () => shared.line?.now(),
    }),
    [state, shared],
  );
  return <Context value={live}>{children}</Context>;
}
