import { expect, test } from "vitest";
import type { Job } from "../api/types";
import { type JobWords, aJob as job, aStep as step } from "../testing";
import { lanesOf, laneWords } from "./lanes";
import { answers, asSentence, tries, who, why } from "./why";

const now = Date.parse("2026-11-25T20:10:00Z");
const said = (more: JobWords, known?: Job) => asSentence(why(job(more), now, known));

test("behind which job, since when, and how long such a one takes", () => {
  const behind = {
    reason: "waiting behind job 410 (provision prod-1)",
    waiting_for: { why: "behind", job_id: 410, since: "2026-11-25T20:07:56Z", usual_ms: 180_000 },
  };
  expect(said(behind)).toBe("behind #410 provision prod-1, running 2m04s, usually 3m00s");
  expect(said({ ...behind, waiting_for: { why: "behind", job_id: 410 } })).toBe("behind #410 provision prod-1");
  expect(said(behind, job({ id: 410, title: "deploy shop", state: "attention" }))).toBe(
    "behind #410 deploy shop, which needs you, usually 3m00s",
  );
});

test("when it tries again, and why it must", () => {
  const retry = {
    attempt: 1,
    reason: "connection refused",
    waiting_for: { why: "retry", until: "2026-11-25T20:10:25Z" },
  };
  expect(said(retry)).toBe("in 25s, try 2: connection refused");
  expect(said({ ...retry, waiting_for: { why: "retry", until: "2026-11-25T20:09:00Z" } })).toBe(
    "now, try 2: connection refused",
  );
});

test("a pause, a question, nobody there, and what is about to start", () => {
  expect(said({ reason: "the lane is paused: the server's host key changed", waiting_for: { why: "paused" } })).toBe(
    "until someone trusts the new host key of prod-1",
  );
  expect(said({ reason: "did it finish?", waiting_for: { why: "person" } })).toBe("did it finish?");
  expect(said({ waiting_for: { why: "no_process" } })).toContain("no process");
  expect(said({ waiting_for: { why: "due" } })).toBe("about to start");
  expect(said({})).toBe("");
  expect(said({ reason: "something new", waiting_for: { why: "a word of a newer server" } })).toBe("something new");
});

test("who asked", () => {
  expect([who("key:ci"), who("ann")]).toEqual(["ci, API", "ann"]);
});

test("a lane as a whole: what asks comes first, then what runs", () => {
  const jobs = [
    job({ id: 1, state: "queued" }),
    job({ id: 2, state: "running" }),
    job({ id: 3, state: "attention", server_name: "b" }),
    job({ id: 5, server_name: "b" }),
  ];
  expect(lanesOf(jobs).map(([name, rows]) => [name, rows.map((one) => one.id)])).toEqual([
    ["b", [3, 5]],
    ["prod-1", [2, 1]],
  ]);
  expect(laneWords(jobs.slice(0, 2))).toBe("1 runs, 1 waits");
  expect(laneWords(jobs.slice(2))).toBe("held by #3, 1 waits");
  expect(laneWords([job({}), job({ id: 9 })])).toBe("2 wait");
});

test("three answers, none of which is chosen, each naming the step", () => {
  const asks = job({
    state: "attention",
    steps: [step(1, "start", "lost"), step(2, "health", "pending"), step(3, "route", "pending")],
  });
  expect(answers(asks).map((one) => [one.resolution, one.verb])).toEqual([
    ["done", "It is done"],
    ["rerun", "Run start again"],
    ["fail", "Count it as failed"],
  ]);
  expect(answers(asks)[0]?.text).toContain("health and route");
});

test("at most three things to try, each a command", () => {
  for (const code of ["unreachable", "login_refused", "host_key", "health_failed", undefined]) {
    const found = tries(job({ state: "failed", app_name: "web", ...(code === undefined ? {} : { code }) }));
    expect(found.length).toBeLessThanOrEqual(3);
    expect(found.every((one) => one.command.startsWith("infrakt "))).toBe(true);
  }
});
