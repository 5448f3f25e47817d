// Follows one job's log: read once from the start, then on each word of the event stream what is behind the last number.
import { useEffect, useRef, useState } from "react";
import { call, path } from "../api/call";
import type { LogChunk } from "../api/types";
import { useLive } from "../live/Live";
import { LogModel } from "./model";

export interface JobLog {
  model: LogModel;
  version: number;
  loading: boolean;
  error: unknown;
  again: () => void;
}

export function useJobLog(id: number, over: boolean): JobLog {
  const { onLog } = useLive();
  const [state, setState] = useState({ version: 0, loading: true, error: null as unknown });
  const model = useRef(new LogModel());
  const read = useRef<() => void>(() => undefined);
  const ended = useRef(over);
  ended.current = over;

  useEffect(() => {
    const log = new LogModel();
    model.current = log;
    const abort = new AbortController();
    let reading = false;
    // How far the log reaches, as far as is known; at first it is read until nothing comes.
    let wanted = Number.MAX_SAFE_INTEGER;
    const more = async () => {
      if (reading) return;
      reading = true;
      try {
        for (;;) {
          const asked = wanted;
          const chunks = await call<LogChunk[]>(path`/jobs/${id}/log`, {
            query: { after: log.seq },
            signal: abort.signal,
          });
          const taken = log.take(chunks);
          if (taken === 0 && asked === wanted) wanted = log.seq;
          const done = log.seq >= wanted;
          // What an ended job left without an end of line is its last line.
          if (done && ended.current) log.close();
          setState({ version: log.version, loading: false, error: null });
          if (done) break;
        }
      } catch (error) {
        if (!abort.signal.aborted) setState((was) => ({ ...was, loading: false, error }));
      } finally {
        reading = false;
      }
    };
    read.current = () => {
      wanted = Number.MAX_SAFE_INTEGER;
      void more();
    };
    void more();
    const off = onLog(id, (to) => {
      if (to <= log.seq) return;
      wanted = Math.max(wanted, to);
      void more();
    });
    return () => {
      off();
      abort.abort();
    };
  }, [id, onLog]);

  useEffect(() => {
    // The end of a job may be heard before its last lines.
    if (over) read.current();
  }, [over]);

  return { model: model.current, ...state, again: () => read.current() };
}
