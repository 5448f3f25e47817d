// What the pages ask for, each with its place in the cache. The event stream keeps the cache fresh; nothing here polls.
import { infiniteQueryOptions, type QueryClient, queryOptions, skipToken } from "@tanstack/react-query";
import { HOUR_MS, measured, type Sample, withSample } from "../servers/past";
import { type ApiError, answer, call, nextPage, path, type Query } from "./call";
import type {
  App,
  AppDetails,
  Credentials,
  Dashboard,
  Database,
  Deployment,
  EnvChanges,
  EnvVar,
  Health,
  Job,
  Key,
  Route,
  Server,
  ServerStatus,
  Session,
} from "./types";

/** What is read from a server itself, and not from the home, is looked at anew when it is older than this. */
const LOOK_AGAIN_MS = 10_000;

/** More than this of one kind is not held in a page. */
const MOST = 20_000;

/** A list whole: the next page for as long as one is named. */
async function whole<T>(to: string, signal: AbortSignal, query: Query = {}): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | null = null;
  do {
    const page: { data: T[]; headers: Headers } = await answer<T[]>(to, { query: { ...query, cursor }, signal });
    all.push(...page.data);
    cursor = nextPage(page.headers);
  } while (cursor !== null && all.length < MOST);
  return all;
}

function remember(client: QueryClient, server: string, sample: Sample): void {
  client.setQueryData(q.serverPast(server).queryKey, (past: Sample[] = []) => withSample(past, sample));
}

export const q = {
  dashboard: () =>
    queryOptions<Dashboard, ApiError>({
      queryKey: ["dashboard"],
      queryFn: ({ signal }) => call("/dashboard", { signal }),
    }),
  servers: () =>
    queryOptions<Server[], ApiError>({ queryKey: ["servers"], queryFn: ({ signal }) => whole("/servers", signal) }),
  serverStatus: (name: string) =>
    queryOptions<ServerStatus, ApiError>({
      queryKey: ["server-status", name],
      queryFn: async ({ signal, client }) => {
        try {
          const status = await call<ServerStatus>(path`/servers/${name}/status`, { signal });
          remember(client, name, measured(Date.now(), status));
          return status;
        } catch (error) {
          // Whoever left meanwhile has not seen that it did not answer.
          if (!signal.aborted) remember(client, name, { at: Date.now(), of: null });
          throw error;
        }
      },
      staleTime: LOOK_AGAIN_MS,
      retry: false,
    }),
  /** What its answers were in the last hour: nobody is asked for it. */
  serverPast: (name: string) =>
    queryOptions<Sample[], ApiError>({
      queryKey: ["server-past", name],
      queryFn: skipToken,
      gcTime: HOUR_MS,
    }),
  apps: () => queryOptions<App[], ApiError>({ queryKey: ["apps"], queryFn: ({ signal }) => whole("/apps", signal) }),
  app: (server: string, name: string) =>
    queryOptions<AppDetails, ApiError>({
      queryKey: ["app", server, name],
      queryFn: ({ signal }) => call(path`/apps/${name}`, { query: { server }, signal }),
    }),
  /** The same with its containers, which its server is asked for: that takes a connection, and no page waits for it. */
  containers: (server: string, name: string) =>
    queryOptions<AppDetails, ApiError>({
      queryKey: ["app", server, name, "containers"],
      queryFn: ({ signal }) => call(path`/apps/${name}`, { query: { server, containers: true }, signal }),
      staleTime: LOOK_AGAIN_MS,
      retry: false,
    }),
  deployments: (server: string, name: string) =>
    infiniteQueryOptions<
      { items: Deployment[]; next: string | null },
      ApiError,
      { pages: { items: Deployment[]; next: string | null }[] },
      string[],
      string | null
    >({
      queryKey: ["deployments", server, name],
      initialPageParam: null,
      queryFn: async ({ signal, pageParam }) => {
        const page = await answer<Deployment[]>(path`/apps/${name}/deployments`, {
          query: { server, cursor: pageParam },
          signal,
        });
        return { items: page.data, next: nextPage(page.headers) };
      },
      getNextPageParam: (last) => last.next,
    }),
  databases: () =>
    queryOptions<Database[], ApiError>({
      queryKey: ["databases"],
      queryFn: ({ signal }) => whole("/databases", signal),
    }),
  credentials: (server: string, name: string) =>
    queryOptions<Credentials, ApiError>({
      queryKey: ["credentials", server, name],
      queryFn: ({ signal }) => call(path`/databases/${name}/credentials`, { query: { server }, signal }),
      gcTime: 0,
    }),
  env: (server: string, name: string) =>
    queryOptions<EnvVar[], ApiError>({
      queryKey: ["env", server, name],
      queryFn: ({ signal }) => call(path`/apps/${name}/env`, { query: { server }, signal }),
    }),
  envChanges: (server: string, name: string) =>
    queryOptions<EnvChanges, ApiError>({
      queryKey: ["env", server, name, "changes"],
      queryFn: ({ signal }) => call(path`/apps/${name}/env-changes`, { query: { server }, signal }),
      // No event tells that a variable was set elsewhere.
      staleTime: LOOK_AGAIN_MS,
    }),
  routes: (server: string) =>
    queryOptions<Route[], ApiError>({
      queryKey: ["routes", server],
      queryFn: ({ signal }) => call(path`/proxy/${server}/domains`, { signal }),
    }),
  /** All that are alive: what runs, waits and asks. */
  alive: () =>
    queryOptions<Job[], ApiError>({
      queryKey: ["jobs", "alive"],
      queryFn: ({ signal }) => whole("/jobs", signal, { active: true }),
    }),
  /** Ended ones too, the newest first. */
  jobs: (filter: { server?: string; state?: string }) =>
    infiniteQueryOptions<
      { items: Job[]; next: string | null },
      ApiError,
      { pages: { items: Job[]; next: string | null }[] },
      (string | object)[],
      string | null
    >({
      queryKey: ["jobs", "all", filter],
      initialPageParam: null,
      queryFn: async ({ signal, pageParam }) => {
        const page = await answer<Job[]>("/jobs", {
          query: { ...filter, limit: 50, cursor: pageParam },
          signal,
        });
        return { items: page.data, next: nextPage(page.headers) };
      },
      getNextPageParam: (last) => last.next,
    }),
  job: (id: number) =>
    queryOptions<Job, ApiError>({
      queryKey: ["job", id],
      queryFn: ({ signal }) => call(path`/jobs/${id}`, { signal }),
    }),
  session: () =>
    queryOptions<Session, ApiError>({
      queryKey: ["session"],
      queryFn: ({ signal }) => call("/session", { signal }),
      retry: false,
    }),
  keys: () => queryOptions<Key[], ApiError>({ queryKey: ["keys"], queryFn: ({ signal }) => call("/keys", { signal }) }),
  health: () =>
    queryOptions<Health, ApiError>({ queryKey: ["health"], queryFn: ({ signal }) => call("/health", { signal }) }),
};
