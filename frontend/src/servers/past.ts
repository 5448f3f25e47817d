// How a server did in the last hour, as far as somebody looked: one sample for each answer of its status, kept in the tab's memory.
// Pure: from samples to lines, with a gap wherever nothing was measured.
import type { ServerStatus } from "../api/types";

export const HOUR_MS = 60 * 60_000;

/** Between two looks further apart than this anything may have been. */
export const GAP_MS = 5 * 60_000;

/** Of several looks within this time one is kept: the events of a deploy ask more often than a line can show. */
const APART_MS = 5_000;

export type Measure = "load" | "memory" | "disk";

/** Percent of each; null: it did not answer. */
export interface Sample {
  at: number;
  of: Record<Measure, number> | null;
}

export function measured(at: number, status: ServerStatus): Sample {
  const load = ((status.load[0] ?? 0) / Math.max(1, status.cpu.total)) * 100;
  return { at, of: { load, memory: status.memory.percent, disk: status.disk.percent } };
}

/** The samples with another one, of the last hour; the oldest first. */
export function withSample(past: readonly Sample[], next: Sample): Sample[] {
  const kept = past.filter((one) => one.at > next.at - HOUR_MS && one.at <= next.at);
  const last = kept.at(-1);
  const same = last !== undefined && (last.of === null) === (next.of === null);
  const before = kept.at(-2);
  // Of three the middle one goes, so that the line reaches to the newest.
  if (same && before !== undefined && next.at - before.at < APART_MS) kept.pop();
  return [...kept, next];
}

export interface Point {
  /** 0: an hour ago, 1: now. */
  x: number;
  percent: number;
}

/** Pieces of a line: within one all neighbours were measured near enough to each other. */
export function lines(past: readonly Sample[], measure: Measure, now: number): Point[][] {
  const pieces: Point[][] = [];
  let before: Sample | null = null;
  for (const sample of past) {
    const { at, of } = sample;
    if (at < now - HOUR_MS) continue;
    if (of !== null) {
      const point = { x: Math.min(1, 1 - (now - at) / HOUR_MS), percent: Math.max(0, Math.min(100, of[measure])) };
      const piece = pieces.at(-1);
      if (piece === undefined || before === null || before.of === null || at - before.at > GAP_MS) pieces.push([point]);
      else piece.push(point);
    }
    before = sample;
  }
  return pieces;
}

/** What the line shows, in words. */
export function inWords(label: string, pieces: Point[][]): string {
  const points = pieces.flat();
  const [first] = points;
  if (first === undefined) return `${label} in the last hour: not measured`;
  const minutes = Math.round((1 - first.x) * 60);
  const since = minutes < 1 ? "just now" : `since ${minutes} min`;
  const all = points.map((point) => Math.round(point.percent));
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const range = least === most ? `${most} percent` : `${least} to ${most} percent`;
  const gaps = pieces.length === 1 ? "" : pieces.length === 2 ? ", with a gap" : `, with ${pieces.length - 1} gaps`;
  return `${label} in the last hour: ${range}, measured ${since}${gaps}`;
}
