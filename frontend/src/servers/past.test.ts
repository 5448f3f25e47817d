import { QueryClient } from "@tanstack/react-query";
import { afterEach, expect, test, vi } from "vitest";
import { q } from "../api/queries";
import { GAP_MS, HOUR_MS, inWords, lines, measured, type Sample, withSample } from "./past";

const MINUTE = 60_000;
const NOW = 100 * HOUR_MS;
const at = (minutes: number, percent: number | null): Sample => ({
  at: NOW - minutes * MINUTE,
  of: percent === null ? null : { load: percent, memory: percent, disk: percent },
});

afterEach(() => vi.unstubAllGlobals());

test("only the last hour is kept", () => {
  expect(withSample([at(61, 1), at(60, 2), at(59, 3)], at(0, 4))).toEqual([at(59, 3), at(0, 4)]);
});

test("a clock that was set back takes what it has not seen yet with it", () => {
  expect(withSample([at(10, 1), at(0, 2)], at(5, 3))).toEqual([at(10, 1), at(5, 3)]);
});

test("looks in quick succession become few samples, whose last one is the newest", () => {
  let past: Sample[] = [];
  for (let s = 0; s <= 60; s += 1) past = withSample(past, { ...at(0, s), at: NOW + s * 1_000 });
  expect(past.length).toBeLessThan(20);
  expect(past.at(-1)?.at).toBe(NOW + 60_000);
});

test("an answer and a failure close to each other both stay", () => {
  const [a, b, c] = [at(0.05, 1), at(0.02, null), at(0, 2)];
  expect(withSample(withSample(withSample([], a), b), c)).toEqual([a, b, c]);
});

test("what was measured near enough is one line, all else is a gap", () => {
  const past = [at(50, 10), at(47, 20), at(30, 30), at(29, null), at(28, 40), at(1, 50)];
  expect(lines(past, "disk", NOW).map((piece) => piece.map((point) => point.percent))).toEqual([
    [10, 20],
    [30],
    [40],
    [50],
  ]);
  const edge = [{ ...at(0, 1), at: NOW - GAP_MS }, at(0, 2)];
  expect(lines(edge, "load", NOW)).toHaveLength(1);
});

test("a line stands where its time is, and within its frame", () => {
  expect(lines([at(70, 1), at(60, 2), at(30, 130), at(0, 4)], "load", NOW)).toEqual([
    [{ x: 0, percent: 2 }],
    [{ x: 0.5, percent: 100 }],
    [{ x: 1, percent: 4 }],
  ]);
});

test("the line is told in words", () => {
  const said = (past: Sample[]) => inWords("Disk", lines(past, "disk", NOW));
  expect(said([])).toBe("Disk in the last hour: not measured");
  expect(said([at(0, 88)])).toBe("Disk in the last hour: 88 percent, measured just now");
  expect(said([at(4, 87), at(2, 88.4)])).toBe("Disk in the last hour: 87 to 88 percent, measured since 4 min");
  expect(said([at(20, 80), at(2, 90)])).toBe(
    "Disk in the last hour: 80 to 90 percent, measured since 20 min, with a gap",
  );
  expect(said([at(40, 80), at(20, 80), at(2, 90)])).toContain("with 2 gaps");
});

const STATUS = {
  load: [2, 1, 1],
  cpu: { total: 4, used: 1, free: 3, percent: 25 },
  memory: { total: 10, used: 4, free: 6, percent: 40 },
  disk: { total: 10, used: 9, free: 1, percent: 90 },
} as Parameters<typeof measured>[1];

test("load counts against the processors that are there", () => {
  expect(measured(NOW, STATUS).of).toEqual({ load: 50, memory: 40, disk: 90 });
});

test("each answer of a status becomes a sample, and one that failed a gap", async () => {
  const answers = [Response.json(STATUS), Response.json({ detail: "gone", code: "unreachable" }, { status: 502 })];
  vi.stubGlobal("fetch", () => Promise.resolve(answers.shift()));
  const client = new QueryClient();
  await client.fetchQuery(q.serverStatus("a"));
  await expect(client.fetchQuery({ ...q.serverStatus("a"), staleTime: 0 })).rejects.toThrow("gone");
  const past = client.getQueryData(q.serverPast("a").queryKey);
  expect(past?.map((sample) => sample.of?.disk)).toEqual([90, undefined]);
  expect(client.getQueryData(q.serverPast("b").queryKey)).toBeUndefined();
});
