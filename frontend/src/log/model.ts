// A job's log as lines, out of chunks that end anywhere. Chunks are numbered without gaps: none is taken twice, none is missed.
import type { LogChunk } from "../api/types";
import { ms } from "../ui/format";
import { lastDrawn, plain } from "./ansi";

export interface Line {
  /** From 1; what `#L28` links to. Notes of infrakt itself have none. */
  no: number;
  at: number;
  /** `step.run`; none for what infrakt says. */
  step: number | null;
  run: number;
  raw: string;
  /** What is searched; made with the first search. */
  low?: string;
  kind: "out" | "lost" | "back" | "info";
}

/** A line of a step that speaks to infrakt; people are told what it means, not how it was said. */
const MARKER = "::infrakt ";

export class LogModel {
  readonly lines: Line[] = [];
  /** The last chunk that was taken. */
  seq = 0;
  /** Rises with each change. */
  version = 0;
  /** How many lines have a number. */
  numbered = 0;
  private open = new Map<string, { text: string; at: number }>();

  /** Takes chunks that follow each other; gives how many were new. */
  take(chunks: LogChunk[]): number {
    let taken = 0;
    for (const chunk of chunks) {
      if (chunk.seq <= this.seq) continue;
      this.seq = chunk.seq;
      this.chunk(chunk);
      taken += 1;
    }
    if (taken > 0) this.version += 1;
    return taken;
  }

  /** What has no end of line yet becomes a line: the job is over. */
  close(): void {
    for (const [key, rest] of this.open) {
      const [step, run] = key.split(".").map(Number);
      if (rest.text !== "") this.push(rest.text, rest.at, Number.isNaN(step) ? null : (step ?? null), run ?? 0);
    }
    if (this.open.size > 0) this.version += 1;
    this.open.clear();
  }

  private chunk(chunk: LogChunk): void {
    const at = ms(chunk.at) ?? 0;
    const step = chunk.step ?? null;
    const run = chunk.run ?? 0;
    if (step === null) {
      for (const line of chunk.text.split("\n")) if (line.trim() !== "") this.push(line, at, null, 0);
      return;
    }
    const key = `${step}.${run}`;
    // Another step speaks: what the one before left without an end is a line.
    for (const [other, rest] of this.open) {
      if (other === key) continue;
      const [otherStep, otherRun] = other.split(".").map(Number);
      if (rest.text !== "") this.push(rest.text, rest.at, otherStep ?? null, otherRun ?? 0);
      this.open.delete(other);
    }
    const before = this.open.get(key);
    const parts = ((before?.text ?? "") + chunk.text).split("\n");
    const rest = parts.pop() ?? "";
    parts.forEach((line, i) => {
      this.push(line, i === 0 ? (before?.at ?? at) : at, step, run);
    });
    if (rest === "") this.open.delete(key);
    else this.open.set(key, { text: rest, at: parts.length === 0 ? (before?.at ?? at) : at });
  }

  private push(text: string, at: number, step: number | null, run: number): void {
    if (text.startsWith(MARKER)) return;
    const raw = lastDrawn(text.replace(/\r$/, ""));
    if (step === null) {
      const kind = raw.startsWith("! ") ? "lost" : raw.startsWith(". back") ? "back" : "info";
      this.lines.push({ no: 0, at, step, run, raw: raw.replace(/^[!.] /, ""), kind });
      return;
    }
    this.numbered += 1;
    this.lines.push({ no: this.numbered, at, step, run, raw, kind: "out" });
  }
}

export type Row =
  | { is: "head"; key: string; step: number; run: number; lines: number; closed: boolean }
  | { is: "line"; key: string; line: Line };

export const stepKey = (step: number, run: number): string => `${step}.${run}`;

/** The rows to show: a head above each step's run, the lines of closed ones left out. Notes stand where they were said. */
export function rows(lines: Line[], closed: ReadonlySet<string>): Row[] {
  const out: Row[] = [];
  let head: Extract<Row, { is: "head" }> | null = null;
  lines.forEach((line, i) => {
    if (line.step !== null && (head === null || head.step !== line.step || head.run !== line.run)) {
      const key = stepKey(line.step, line.run);
      head = { is: "head", key: `h${i}`, step: line.step, run: line.run, lines: 0, closed: closed.has(key) };
      out.push(head);
    }
    if (head !== null && line.step !== null) head.lines += 1;
    if (head === null || !head.closed || line.step === null) out.push({ is: "line", key: `l${i}`, line });
  });
  return out;
}

/** Whether `needle`, in lower case, stands in a line as it is shown. */
export function stands(line: Line, needle: string): boolean {
  line.low ??= plain(line.raw).toLowerCase();
  return line.low.includes(needle);
}

/** Rows looked through before the clock is asked again. */
const AT_ONCE = 500;

/** Looks for rows in which `wanted` stands, whatever the case: a piece at a time, since a log may have more lines than a frame has time for. */
export class Search {
  readonly found: number[] = [];
  private readonly needle: string;
  private at = 0;

  constructor(
    private readonly all: Row[],
    wanted: string,
  ) {
    this.needle = wanted.toLowerCase();
    if (this.needle === "") this.at = all.length;
  }

  get done(): boolean {
    return this.at >= this.all.length;
  }

  /** Goes on until it is done or `enough` says so. */
  go(enough: () => boolean = () => false): void {
    while (!this.done) {
      const to = Math.min(this.all.length, this.at + AT_ONCE);
      for (; this.at < to; this.at += 1) {
        const row = this.all[this.at];
        if (row?.is === "line" && stands(row.line, this.needle)) this.found.push(this.at);
      }
      if (enough()) return;
    }
  }
}

/** The log as a text file. */
export function asText(lines: Line[]): string {
  return lines
    .map((line) => `${new Date(line.at).toISOString()} ${line.step === null ? "-- " : ""}${plain(line.raw)}\n`)
    .join("");
}
