import { expect, test } from "vitest";
import type { LogChunk } from "../api/types";
import { lastDrawn, plain, spans } from "./ansi";
import { asText, LogModel, type Row, rows, Search } from "./model";

const at = "2026-11-25T20:00:00Z";
const chunk = (seq: number, step: number | null, text: string, run = 1): LogChunk => ({
  seq,
  at,
  step,
  run: step === null ? null : run,
  text,
});
const texts = (model: LogModel) => model.lines.map((line) => `${line.no} ${line.raw}`);

test("lines are whole wherever chunks end, and nothing is doubled", () => {
  const model = new LogModel();
  expect(model.take([chunk(1, 1, "one\ntw"), chunk(2, 1, "o\nth")])).toBe(2);
  expect(model.take([chunk(2, 1, "o\nth"), chunk(3, 1, "ree\n")])).toBe(1);
  expect(texts(model)).toEqual(["1 one", "2 two", "3 three"]);
  expect(model.seq).toBe(3);
});

test("what a step left without an end is a line when the next one speaks", () => {
  const model = new LogModel();
  model.take([chunk(1, 1, "no end"), chunk(2, 2, "next\nlast")]);
  expect(texts(model)).toEqual(["1 no end", "2 next"]);
  model.close();
  expect(texts(model)).toEqual(["1 no end", "2 next", "3 last"]);
});

test("infrakt's own words stand between the lines, without a number and without cutting one", () => {
  const model = new LogModel();
  model.take([
    chunk(1, 2, "buil"),
    chunk(2, null, "! lost the connection to a\n"),
    chunk(3, null, ". back after 21s\n"),
    chunk(4, 2, "ding\n"),
  ]);
  expect(model.lines.map((line) => [line.no, line.kind, line.raw])).toEqual([
    [0, "lost", "lost the connection to a"],
    [0, "back", "back after 21s"],
    [1, "out", "building"],
  ]);
});

test("lines by which a step speaks to infrakt are left out", () => {
  const model = new LogModel();
  model.take([chunk(1, 1, "::infrakt 01-1-1 note x\nshown\n")]);
  expect(texts(model)).toEqual(["1 shown"]);
});

test("a head for each run of a step; closed ones keep their notes", () => {
  const model = new LogModel();
  model.take([chunk(1, 1, "a\nb\n"), chunk(2, null, "! lost\n"), chunk(3, 1, "c\n", 2), chunk(4, 2, "d\n")]);
  const said = (closed: string[]) =>
    rows(model.lines, new Set(closed)).map((row) =>
      row.is === "head" ? `${row.step}.${row.run} ×${row.lines}` : row.line.raw,
    );
  expect(said([])).toEqual(["1.1 ×2", "a", "b", "lost", "1.2 ×1", "c", "2.1 ×1", "d"]);
  expect(said(["1.1"])).toEqual(["1.1 ×2", "lost", "1.2 ×1", "c", "2.1 ×1", "d"]);
});

test("searching looks at what is shown, not at its colours", () => {
  const model = new LogModel();
  model.take([chunk(1, 1, "\x1b[32mCompi\x1b[0mling serde\nother\nSERDE_json\n")]);
  const all = rows(model.lines, new Set());
  const hits = (rows: Row[], wanted: string) => {
    const search = new Search(rows, wanted);
    search.go();
    return search.found;
  };
  expect(hits(all, "compiling serde")).toEqual([1]);
  expect(hits(all, "serde")).toEqual([1, 3]);
  expect(hits(all, "32m")).toEqual([]);
  expect(hits(all, "")).toEqual([]);
});

test("a search in pieces finds the same as one at once, and each piece is short", () => {
  const model = new LogModel();
  model.take([chunk(1, 1, Array.from({ length: 5_000 }, (_, i) => `line ${i}\n`).join(""))]);
  const all = rows(model.lines, new Set());
  const whole = new Search(all, "line 77");
  whole.go();
  expect(whole.found).toHaveLength(11);
  const search = new Search(all, "LINE 77");
  let pieces = 0;
  while (!search.done) {
    search.go(() => true);
    pieces += 1;
  }
  expect(search.found).toEqual(whole.found);
  expect(pieces).toBe(Math.ceil(all.length / 500));
});

test("the file has times, no escapes, and marks what infrakt said", () => {
  const model = new LogModel();
  model.take([chunk(1, 1, "\x1b[31mred\x1b[0m\n"), chunk(2, null, "! lost\n")]);
  expect(asText(model.lines)).toBe("2026-11-25T20:00:00.000Z red\n2026-11-25T20:00:00.000Z -- lost\n");
});

test("two hundred thousand lines are taken in", () => {
  const model = new LogModel();
  const text = "x".repeat(40);
  model.take(Array.from({ length: 2_000 }, (_, i) => chunk(i + 1, 1, `${text}\n`.repeat(100))));
  expect(model.numbered).toBe(200_000);
  expect(rows(model.lines, new Set(["1.1"]))).toHaveLength(1);
});

test("colours become classes, every other escape goes, and nothing steers the page", () => {
  expect(spans("a\x1b[1;32mok\x1b[0m b").map(({ text, className }) => [text, className])).toEqual([
    ["a", ""],
    ["ok", "a-g a-o"],
    [" b", ""],
  ]);
  expect(spans("\x1b[38;5;196mx\x1b[38;2;1;2;3my\x1b[39m").map((span) => span.text)).toEqual(["xy"]);
  for (const [raw, shown] of [
    ["\x1b]0;title\x07x\x1b]8;;u\x1b\\y", "xy"],
    ["a\bb\0c\u009b2Jd\u202ee", "abc2Jde"],
    ["\x1b(Bok\tthere", "ok    there"],
    ["\x1b[2Kline\x1b[1A", "line"],
    ["<b>&amp;</b>", "<b>&amp;</b>"],
  ] as const) {
    expect(plain(raw)).toBe(shown);
    expect(
      spans(raw)
        .map((span) => span.text)
        .join(""),
    ).toBe(shown);
  }
  expect(lastDrawn("10%\r50%\r100%")).toBe("100%");
  expect(lastDrawn("100%\r")).toBe("100%");
});
