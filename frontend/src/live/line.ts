// The line to infrakt's events: opened, watched, opened again where it left off. What it knows about itself is said on every page.
import { type Frame, FrameReader } from "./sse";

export type LineState =
  | { is: "connecting" }
  | { is: "live" }
  /** The next try is at `at`. */
  | { is: "reconnecting"; at: number; since: number }
  /** Down for so long that what is shown must be called old. */
  | { is: "offline"; since: number }
  | { is: "refused"; status: number };

const WAITS_MS = [1_000, 2_000, 3_000, 5_000, 10_000, 15_000];
/** Without a byte for so long (heartbeats come each 15 s) the line is dead, whatever TCP believes. */
const SILENCE_MS = 45_000;
/** From then on the figures of the page are called old. */
export const OFFLINE_AFTER_MS = 15_000;

export function waitBefore(tries: number): number {
  return WAITS_MS[Math.min(tries, WAITS_MS.length - 1)] ?? 15_000;
}

/** What the sign says after a try failed. */
export function afterFailure(now: number, downSince: number, tries: number): LineState {
  const at = now + waitBefore(tries);
  // Said before the next try, not behind it: nobody is to read old figures as fresh meanwhile.
  if (at - downSince > OFFLINE_AFTER_MS) return { is: "offline", since: downSince };
  return { is: "reconnecting", at, since: downSince };
}

export interface LineParts {
  onState: (state: LineState) => void;
  onFrame: (frame: Frame) => void;
  /** The line stands. `gap`: what happened before cannot be caught up by number, so all that is known is to be asked anew. */
  onOpen: (gap: boolean) => void;
  fetch?: typeof fetch;
  now?: () => number;
}

export class Line {
  private stopped = false;
  private tries = 0;
  private downSince: number | null = null;
  private lastId: string | null = null;
  private abort: AbortController | null = null;
  private wake: (() => void) | null = null;

  constructor(private readonly parts: LineParts) {}

  start(): void {
    void this.run();
  }

  stop(): void {
    this.stopped = true;
    this.abort?.abort();
    this.wake?.();
  }

  /** Does not wait for the next try. */
  now(): void {
    this.wake?.();
  }

  private async run(): Promise<void> {
    this.parts.onState({ is: "connecting" });
    while (!this.stopped) {
      const status = await this.once();
      if (this.stopped) return;
      if (status === 401 || status === 403) {
        this.parts.onState({ is: "refused", status });
        return;
      }
      const now = (this.parts.now ?? Date.now)();
      this.downSince ??= now;
      this.parts.onState(afterFailure(now, this.downSince, this.tries));
      await this.pause(waitBefore(this.tries));
      this.tries += 1;
    }
  }

  /** One connection from its begin to its end; gives the status of a refusal. */
  private async once(): Promise<number | null> {
    const abort = new AbortController();
    this.abort = abort;
    let silence = setTimeout(() => abort.abort(), SILENCE_MS);
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (this.lastId !== null) headers["Last-Event-ID"] = this.lastId;
      const response = await (this.parts.fetch ?? fetch)("/api/events", {
        headers,
        credentials: "same-origin",
        cache: "no-store",
        signal: abort.signal,
      });
      if (!response.ok || response.body === null) return response.status;
      this.tries = 0;
      this.downSince = null;
      this.parts.onOpen(this.lastId === null);
      this.parts.onState({ is: "live" });
      const reader = new FrameReader();
      const text = new TextDecoder();
      const body = response.body.getReader();
      for (;;) {
        const { done, value } = await body.read();
        if (done) return null;
        clearTimeout(silence);
        silence = setTimeout(() => abort.abort(), SILENCE_MS);
        const frames = reader.feed(text.decode(value, { stream: true }));
        for (const frame of frames) this.parts.onFrame(frame);
        // Also a sign of life carries the cursor: what a filter holds back makes no cursor old.
        this.lastId = reader.lastId ?? this.lastId;
      }
    } catch {
      return null;
    } finally {
      clearTimeout(silence);
      this.abort = null;
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      const online = () => done();
      function done() {
        clearTimeout(timer);
        removeEventListener("online", online);
        resolve();
      }
      addEventListener("online", online);
      this.wake = done;
    });
  }
}
