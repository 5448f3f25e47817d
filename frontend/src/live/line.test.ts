// @vitest-environment jsdom
import { expect, test, vi } from "vitest";
import { afterFailure, Line, type LineState, OFFLINE_AFTER_MS, waitBefore } from "./line";

function body(text: string): Response {
  return new Response(text, { status: 200, headers: { "Content-Type": "text/event-stream" } });
}

test("it waits longer with each try, and says offline after a while", () => {
  expect([0, 1, 2, 3, 9].map(waitBefore)).toEqual([1_000, 2_000, 3_000, 5_000, 15_000]);
  expect(afterFailure(5_000, 4_000, 1)).toEqual({ is: "reconnecting", at: 7_000, since: 4_000 });
  expect(afterFailure(4_000 + OFFLINE_AFTER_MS, 4_000, 3)).toEqual({ is: "offline", since: 4_000 });
});

test("it comes back with the id of the last thing it heard, and asks for everything only the first time", async () => {
  vi.useFakeTimers();
  const asked: (string | null)[] = [];
  const gaps: boolean[] = [];
  const states: LineState["is"][] = [];
  const heard: string[] = [];
  const answers = [
    body("id: 3\n\nid: 4\nevent: job\ndata: {}\n\n: alive\nid: 9\n\n"),
    new Response(null, { status: 503 }),
    body("id: 9\n\n"),
  ];
  const line = new Line({
    onState: (state) => states.push(state.is),
    onOpen: (gap) => gaps.push(gap),
    onFrame: (frame) => heard.push(frame.event),
    fetch: async (_to, init) => {
      asked.push(new Headers(init?.headers).get("Last-Event-ID"));
      const next = answers.shift();
      if (next === undefined) line.stop();
      return next ?? new Response(null, { status: 503 });
    },
  });
  line.start();
  await vi.advanceTimersByTimeAsync(10_000);
  line.stop();
  vi.useRealTimers();
  expect(asked).toEqual([null, "9", "9", "9"]);
  expect(gaps).toEqual([true, false]);
  expect(heard).toEqual(["job"]);
  expect(states).toEqual(["connecting", "live", "reconnecting", "reconnecting", "live", "reconnecting"]);
});

test("a refusal ends it: nobody knocks without a key", async () => {
  const states: LineState[] = [];
  let calls = 0;
  const line = new Line({
    onState: (state) => states.push(state),
    onOpen: () => undefined,
    onFrame: () => undefined,
    fetch: async () => {
      calls += 1;
      return new Response(null, { status: 401 });
    },
  });
  line.start();
  await vi.waitFor(() => expect(states.at(-1)).toEqual({ is: "refused", status: 401 }));
  expect(calls).toBe(1);
});
