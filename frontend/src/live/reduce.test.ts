import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import type { Job, Server } from "../api/types";
import { aJob } from "../testing";
import { apply } from "./Live";
import { read, reduce, withState, withStep } from "./reduce";

const job = aJob();
const told = (event: string, data: unknown) => {
  const frame = read({ id: "1", event, data: JSON.stringify(data) });
  if (frame === null) throw new Error("not read");
  return frame;
};
const keys = (event: string, data: unknown) =>
  reduce(told(event, data)).flatMap((change) => (change.do === "stale" ? [change.key.join("/")] : []));

test("a job that ends makes all that depends on it stale", () => {
  const changes = reduce(told("job", { job_id: 4, state: "succeeded" }));
  expect(changes[0]).toEqual({ do: "job", id: 4, state: "succeeded" });
  expect(keys("job", { job_id: 4, state: "succeeded" })).toEqual([
    "job/4",
    "jobs",
    "dashboard",
    "deployments",
    "server-status",
    "app",
    "env",
    "routes",
  ]);
  expect(keys("job", { job_id: 4, state: "running" })).toEqual(["job/4", "jobs"]);
});

test("a log tells how far it reaches, and asks nothing of the lists", () => {
  expect(reduce(told("log", { job_id: 4, seq_from: 8, seq_to: 9 }))).toEqual([{ do: "log", job: 4, to: 9 }]);
});

test("a server that was edited may have another name, which apps are told by", () => {
  expect(keys("server", { server_name: "b", what: "edited" })).toEqual([
    "servers",
    "jobs",
    "apps",
    "app",
    "databases",
    "dashboard",
  ]);
  expect(keys("server", { server_name: "b", what: "pinned" })).toEqual(["servers", "jobs"]);
});

test("a reset asks for everything; what is not understood changes nothing", () => {
  expect(reduce(told("reset", { cursor: 9 }))).toEqual([{ do: "all" }]);
  expect(reduce(told("shutdown", {}))).toEqual([]);
  expect(reduce(told("job", {}))).toEqual([]);
  expect(read({ id: null, event: "job", data: "{broken" })).toBeNull();
});

test("an ended job is not woken by an event that comes late", () => {
  const ended = { ...job, state: "succeeded" };
  expect(withState(ended, "running")).toBe(ended);
  expect(
    withStep(ended, { do: "step", job: 4, seq: 1, name: "fetch", state: "started", at: "", exit: null, run: 1 }),
  ).toBe(ended);
});

test("a step's second run forgets the times of its first", () => {
  const step = { do: "step", job: 4, seq: 1, name: "fetch", exit: null } as const;
  const first = withStep(job, { ...step, state: "failed", at: "2026-11-25T20:00:05Z", run: 1, exit: 1 });
  const second = withStep(first, { ...step, state: "started", at: "2026-11-25T20:00:09Z", run: 2 });
  expect(second.steps).toEqual([
    {
      seq: 1,
      name: "fetch",
      state: "started",
      started_at: "2026-11-25T20:00:09Z",
      finished_at: null,
      exit_code: null,
      runs: 2,
      note: null,
    },
  ]);
});

test("a correction reaches the list and the job, and no other", () => {
  const client = new QueryClient();
  client.setQueryData<Job[]>(["jobs", "alive"], [job, { ...job, id: 5 }]);
  client.setQueryData<Job>(["job", 4], job);
  for (const change of reduce(told("job", { job_id: 4, state: "running" }))) apply(client, change);
  expect(client.getQueryData<Job[]>(["jobs", "alive"])?.map((one) => one.state)).toEqual(["running", "queued"]);
  expect(client.getQueryData<Job>(["job", 4])?.state).toBe("running");
});

test("a server's status is set by its name", () => {
  const client = new QueryClient();
  const servers = [
    { name: "a", status: "inactive" },
    { name: "b", status: "inactive" },
  ] as Server[];
  client.setQueryData(["servers"], servers);
  for (const change of reduce(told("server", { server_name: "b", status: "active" }))) apply(client, change);
  expect(client.getQueryData<Server[]>(["servers"])?.map((one) => one.status)).toEqual(["inactive", "active"]);
});
