import { expect, test } from "vitest";
import { FrameReader } from "./sse";

test("frames come out whole, wherever the text was cut", () => {
  const text =
    'retry: 1000\nid: 7\n\n: alive\n\nid: 8\r\nevent: job\r\ndata: {"a":1}\r\n\r\nevent: log\ndata: one\ndata: two\n\n';
  for (let cut = 0; cut <= text.length; cut += 1) {
    const reader = new FrameReader();
    const frames = [...reader.feed(text.slice(0, cut)), ...reader.feed(text.slice(cut))];
    expect(frames).toEqual([
      { id: "8", event: "job", data: '{"a":1}' },
      { id: "8", event: "log", data: "one\ntwo" },
    ]);
    expect(reader.retryMs).toBe(1000);
  }
});

test("a greeting and a sign of life carry the cursor without being events", () => {
  const reader = new FrameReader();
  expect(reader.feed("retry: 1000\nid: 41\n\n")).toEqual([]);
  expect(reader.lastId).toBe("41");
  expect(reader.feed(": alive\nid: 57\n")).toEqual([]);
  expect(reader.lastId).toBe("41");
  reader.feed("\n");
  expect(reader.lastId).toBe("57");
});
