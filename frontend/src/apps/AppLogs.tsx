// What an app's containers say: the last lines at once, then live, by service.
import { useQuery } from "@tanstack/react-query";
import { memo, useEffect, useMemo, useRef, useState } from "react";
import { ApiError, address, call, path } from "../api/call";
import { q } from "../api/queries";
import type { AppDetails } from "../api/types";
import { FrameReader } from "../live/sse";
import { spans } from "../log/ansi";
import { word } from "../ui/format";
import { Button, Command, Note } from "../ui/pieces";
import { Trouble } from "../ui/Trouble";

/** More than this is cut at the top: a page is no archive. */
const MOST = 5_000;

const NEAR_END_PX = 24;

interface Said {
  no: number;
  text: string;
}

/** The text of a frame: a line as it is, or as an object. */
export function linesOf(data: string): string[] {
  let text = data;
  if (data.startsWith("{") || data.startsWith('"')) {
    try {
      const body: unknown = JSON.parse(data);
      if (typeof body === "string") text = body;
      else if (typeof body === "object" && body !== null) {
        const { text: said, line, service } = body as { text?: unknown; line?: unknown; service?: unknown };
        const found = typeof said === "string" ? said : typeof line === "string" ? line : null;
        if (found !== null)
          text = typeof service === "string" && service !== "" ? found.replace(/^/gm, `${service}  | `) : found;
      }
    } catch {
      // It only looked like JSON: a line of the app.
    }
  }
  return text.replace(/\n$/, "").split("\n");
}

/** What the server says when it can no longer ask: the answer had begun already. */
function faultOf(data: string): ApiError {
  const { detail, code } = JSON.parse(data) as { detail?: string; code?: string };
  return new ApiError(502, detail ?? "the server cannot be asked any longer", code);
}

/** Drawn once: a line that was said does not change. */
const SaidLine = memo(function SaidLine({ text }: { text: string }) {
  return (
    <div>
      {spans(text).map((span) => (
        <span key={span.at} className={span.className}>
          {span.text}
        </span>
      ))}
    </div>
  );
});

export function AppLogs({ app }: { app: AppDetails }) {
  const [service, setService] = useState("");
  const [count, setCount] = useState("200");
  const [said, setSaid] = useState<Said[]>([]);
  const [search, setSearch] = useState("");
  const [follow, setFollow] = useState(true);
  const [error, setError] = useState<unknown>(null);
  const [line, setLine] = useState<"live" | "ended" | "connecting">("connecting");
  const [again, setAgain] = useState(0);
  const box = useRef<HTMLPreElement>(null);
  const containers = useQuery(q.containers(app.server_name, app.name)).data?.containers;
  const services = useMemo(
    () => [...new Set((containers ?? []).map((one) => one.service))].filter(Boolean),
    [containers],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: `again` asks anew
  useEffect(() => {
    const abort = new AbortController();
    let no = 0;
    const add = (lines: string[]) =>
      setSaid((was) => [...was, ...lines.map((text) => ({ no: ++no, text }))].slice(-MOST));
    const query = { server: app.server_name, lines: Number(count), service };
    setSaid([]);
    setError(null);
    setLine("connecting");
    const once = async () => {
      const { logs } = await call<{ logs: string }>(path`/apps/${app.name}/logs`, { query, signal: abort.signal });
      add(logs === "" ? [] : linesOf(logs));
    };
    const run = async () => {
      try {
        const response = await fetch(address(path`/apps/${app.name}/logs/stream`, query), {
          headers: { Accept: "text/event-stream" },
          credentials: "same-origin",
          cache: "no-store",
          signal: abort.signal,
        });
        if (!response.ok || response.body === null) {
          await once();
          setLine("ended");
          return;
        }
        setLine("live");
        const reader = new FrameReader();
        const text = new TextDecoder();
        const body = response.body.getReader();
        for (;;) {
          const { done, value } = await body.read();
          if (done) break;
          const frames = reader.feed(text.decode(value, { stream: true }));
          const lines = frames.filter((frame) => frame.event === "log").flatMap((frame) => linesOf(frame.data));
          const fault = frames.find((frame) => frame.event === "error");
          if (fault !== undefined) throw faultOf(fault.data);
          if (lines.length > 0) add(lines);
        }
        setLine("ended");
      } catch (problem) {
        if (abort.signal.aborted) return;
        setError(problem);
        setLine("ended");
      }
    };
    void run();
    return () => abort.abort();
  }, [app.name, app.server_name, service, count, again]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: new lines are what moves the end
  useEffect(() => {
    if (follow && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [said, follow]);

  // Whoever goes up, by whatever means, wants to read there.
  const top = useRef(0);
  const onScroll = () => {
    if (box.current === null) return;
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    if (scrollTop < top.current && scrollHeight - scrollTop - clientHeight > NEAR_END_PX) setFollow(false);
    top.current = scrollTop;
  };
  const shown = search === "" ? said : said.filter((one) => one.text.toLowerCase().includes(search.toLowerCase()));
  const download = () => {
    const url = URL.createObjectURL(new Blob([said.map((one) => `${one.text}\n`).join("")], { type: "text/plain" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = `${app.name}.log`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1_000);
  };
  return (
    <section className="sect">
      <div className="filters">
        <label className="vh" htmlFor="log-service">
          Service
        </label>
        <select
          id="log-service"
          className="in w-auto"
          value={service}
          onChange={(event) => setService(event.target.value)}
        >
          <option value="">All services</option>
          {services.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
        <label className="vh" htmlFor="log-count">
          Lines
        </label>
        <select id="log-count" className="in w-auto" value={count} onChange={(event) => setCount(event.target.value)}>
          {["50", "200", "1000", "5000"].map((one) => (
            <option key={one} value={one}>
              last {one}
            </option>
          ))}
        </select>
        <input
          className="in max-w-[260px]"
          placeholder="Only lines with …"
          aria-label="only lines with"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <span className="ml-auto row">
          <span className={`live ${line === "live" ? "" : line === "connecting" ? "again" : "off"}`} role="status">
            <i />
            {line === "live" ? "live" : line === "connecting" ? "connecting" : "not live"}
          </span>
          <button type="button" className="tog" aria-pressed={follow} onClick={() => setFollow((was) => !was)}>
            follow
          </button>
          <Button small icon="dl" aria-label="download" title="download" onClick={download} />
        </span>
      </div>
      {line === "ended" && error === null && (
        <Note
          icon="info"
          lead="These lines do not go on."
          acts={
            <Button small onClick={() => setAgain((n) => n + 1)}>
              Follow again
            </Button>
          }
        >
          The stream has ended; the app may be stopped.
        </Note>
      )}
      {error !== null && <Trouble error={error} what="The log" again={() => setAgain((n) => n + 1)} />}
      <pre
        ref={box}
        className="card plainlog"
        tabIndex={0}
        role="log"
        aria-label={`log of ${app.name}`}
        aria-live="off"
        onScroll={onScroll}
      >
        {shown.length === 0 && (
          <span className="muted">{line === "connecting" ? "reading the log" : "nothing was said"}</span>
        )}
        {shown.map((one) => (
          <SaidLine key={one.no} text={one.text} />
        ))}
      </pre>
      <div className="mt-3 max-w-[440px]">
        <Command text={`infrakt app logs ${word(app.name)} -f${service === "" ? "" : ` --service ${word(service)}`}`} />
      </div>
    </section>
  );
}
