// The log of a job: only what is in sight is drawn; one tab stop; the reader decides whether it follows.
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, memo, type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useLocation, useNavigate } from "react-router";
import type { Step } from "../api/types";
import { useLive } from "../live/Live";
import { count, duration, ms, timeOfDay } from "../ui/format";
import { Icon, Ring } from "../ui/Icon";
import { Button, copyText } from "../ui/pieces";
import { RUNNING, stepSign } from "../ui/sign";
import { useToasts } from "../ui/Toasts";
import { Trouble } from "../ui/Trouble";
import { plain, spans } from "./ansi";
import { asText, type Line, type Row, rows, stands, stepKey } from "./model";
import { useHits } from "./useHits";
import type { JobLog } from "./useJobLog";

interface Props {
  log: JobLog;
  steps: Step[];
  /** It may still grow. */
  alive: boolean;
  /** It is growing now. */
  runs: boolean;
  name: string;
  chosen: number | null;
  foot: ReactNode;
}

const NEAR_END_PX = 24;

function option(name: string, start: boolean): boolean {
  try {
    return (localStorage.getItem(`infrakt_log_${name}`) ?? String(start)) === "true";
  } catch {
    return start;
  }
}

function useOption(name: string, start: boolean): [boolean, () => void] {
  const [on, set] = useState(() => option(name, start));
  return [
    on,
    () =>
      set((was) => {
        try {
          localStorage.setItem(`infrakt_log_${name}`, String(!was));
        } catch {
          // Not remembered, then.
        }
        return !was;
      }),
  ];
}

export function LogView({ log, steps, alive, runs, name, chosen, foot }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [search, setSearch] = useState("");
  const [hit, setHit] = useState(0);
  const [cursor, setCursor] = useState<number | null>(null);
  const [follow, setFollow] = useState(alive && chosen === null);
  const [wrap, toggleWrap] = useOption("wrap", true);
  const [time, toggleTime] = useOption("time", true);
  const toasts = useToasts();
  const line = useLive().state.is;
  const down = line === "reconnecting" || line === "offline" || line === "refused";
  const { hash, pathname } = useLocation();
  const navigate = useNavigate();
  const linked = /^#L(\d+)$/.exec(hash)?.[1];

  // biome-ignore lint/correctness/useExhaustiveDependencies: the model grows in place; its version says when
  const all = useMemo(() => rows(log.model.lines, closed), [log.model, log.version, closed]);
  const { found, done } = useHits(all, search);
  const needle = search.toLowerCase();
  const currentHit = found.length === 0 ? -1 : (found[Math.min(hit, found.length - 1)] ?? -1);

  // The same for the same rows: each new one has the places of all rows computed again, which a long log feels.
  const estimateSize = useCallback(
    (i: number) => {
      const row = all[i];
      return row?.is === "head" || (row?.is === "line" && row.line.kind !== "out") ? 32 : 20;
    },
    [all],
  );
  const getItemKey = useCallback((i: number) => all[i]?.key ?? i, [all]);
  const list = useVirtualizer({
    count: all.length,
    getScrollElement: () => scroller.current,
    estimateSize,
    getItemKey,
    overscan: 30,
  });

  // A link to a line, or the chosen step, is where the reader wants to be; else a log that grows is followed.
  const went = useRef("");
  useEffect(() => {
    if (all.length === 0) return;
    const wish = linked !== undefined ? `L${linked}` : chosen !== null ? `s${chosen}` : "";
    if (wish !== "" && went.current !== wish) {
      const at =
        linked !== undefined
          ? all.findIndex((row) => row.is === "line" && row.line.no === Number(linked))
          : all.findLastIndex((row) => row.is === "head" && row.step === chosen);
      if (at === -1) return;
      went.current = wish;
      setFollow(false);
      if (linked !== undefined) setCursor(at);
      list.scrollToIndex(at, { align: linked === undefined ? "start" : "center" });
      return;
    }
    if (follow) list.scrollToIndex(all.length - 1, { align: "end" });
  }, [all, follow, linked, chosen, list]);

  const onScroll = () => {
    const box = scroller.current;
    if (box === null) return;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX;
    if (!atEnd && follow && box.dataset.top !== undefined && box.scrollTop < Number(box.dataset.top)) setFollow(false);
    box.dataset.top = String(box.scrollTop);
  };

  const goto = (i: number) => {
    setFollow(false);
    setCursor(i);
    list.scrollToIndex(i, { align: "auto" });
  };
  const nextHit = (by: number) => {
    if (found.length === 0) return;
    const next = (hit + by + found.length) % found.length;
    setHit(next);
    const row = found[next];
    if (row !== undefined) goto(row);
  };
  const linkTo = (line: Line) => `${location.origin}${pathname}#L${line.no}`;
  const onKey = (event: KeyboardEvent) => {
    if (event.target !== scroller.current) return;
    const here = cursor ?? Math.max(0, list.range?.startIndex ?? 0);
    const row = all[here];
    if (event.key === "ArrowDown") goto(Math.min(all.length - 1, here + 1));
    else if (event.key === "ArrowUp") goto(Math.max(0, here - 1));
    else if (event.key === "End") setFollow(true);
    else if (event.key === "Home") goto(0);
    else if (event.key === "Enter" && row?.is === "line" && row.line.no > 0) {
      // It is in sight already: the link to it moves nothing.
      went.current = `L${row.line.no}`;
      void navigate({ hash: `#L${row.line.no}` }, { replace: true });
    } else if (event.key === "Enter" && row?.is === "head") toggle(row);
    else if (event.key === "y" && row?.is === "line" && row.line.no > 0) {
      void copyText(linkTo(row.line)).then((done) => done && toasts.say(`The link to line ${row.line.no} is copied`));
    } else return;
    event.preventDefault();
  };
  const toggle = (row: Extract<Row, { is: "head" }>) =>
    setClosed((was) => {
      const next = new Set(was);
      const key = stepKey(row.step, row.run);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  const download = () => {
    const url = URL.createObjectURL(new Blob([asText(log.model.lines)], { type: "text/plain" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = `${name}.log`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1_000);
  };

  return (
    <>
      <div className="tools">
        <div className="search">
          <Icon name="search" />
          <input
            value={search}
            placeholder="Search this log"
            aria-label="search this log"
            onChange={(event) => {
              setSearch(event.target.value);
              setHit(0);
            }}
            onKeyDown={(event) => {
              if (event.key === "Enter") nextHit(event.shiftKey ? -1 : hit === 0 && cursor === null ? 0 : 1);
              if (event.key === "Escape") setSearch("");
            }}
          />
          {search !== "" && (
            <>
              <span className="hits" role="status">
                {found.length > 0
                  ? `${Math.min(hit, found.length - 1) + 1} of ${found.length}${done ? "" : "…"}`
                  : done
                    ? "none"
                    : "…"}
              </span>
              <button type="button" className="cp" aria-label="previous match" onClick={() => nextHit(-1)}>
                <Icon name="up" />
              </button>
              <button type="button" className="cp" aria-label="next match" onClick={() => nextHit(1)}>
                <Icon name="down" />
              </button>
            </>
          )}
        </div>
        <span className="grow no-phone" />
        <button type="button" className="tog" aria-pressed={follow} onClick={() => setFollow((was) => !was)}>
          follow
        </button>
        <button type="button" className="tog" aria-pressed={wrap} onClick={toggleWrap}>
          wrap
        </button>
        <button type="button" className="tog no-phone" aria-pressed={time} onClick={toggleTime}>
          time
        </button>
        <button type="button" className="tog" aria-label="download the log" title="download the log" onClick={download}>
          <Icon name="dl" />
        </button>
      </div>
      <div
        ref={scroller}
        className={`log ${wrap ? "" : "nowrap"} ${time ? "" : "notime"}`}
        tabIndex={0}
        role="region"
        aria-label="log; arrows move, Enter selects, y copies the link"
        onScroll={onScroll}
        onKeyDown={onKey}
      >
        {log.error !== null && (
          <div className="p-4 font-sans">
            <Trouble error={log.error} what="The log" again={log.again} />
          </div>
        )}
        {all.length === 0 && log.error === null && (
          <p className="muted p-4 font-sans" role="status">
            {log.loading ? "reading the log" : alive ? "nothing was said yet" : "it left no log"}
          </p>
        )}
        <div className="vroom" style={{ height: list.getTotalSize() }}>
          {list.getVirtualItems().map((item) => {
            const row = all[item.index];
            if (row === undefined) return null;
            return (
              <div
                key={item.key}
                ref={list.measureElement}
                data-index={item.index}
                className="vrow"
                style={{ transform: `translateY(${item.start}px)` }}
              >
                {row.is === "head" ? (
                  <SectionHead
                    row={row}
                    step={steps.find((step) => step.seq === row.step)}
                    onToggle={() => toggle(row)}
                  />
                ) : (
                  <LogLine
                    line={row.line}
                    search={needle !== "" && stands(row.line, needle) ? search : ""}
                    now={item.index === currentHit}
                    selected={linked !== undefined && row.line.no === Number(linked)}
                    cursor={item.index === cursor}
                  />
                )}
              </div>
            );
          })}
        </div>
      </div>
      <div className="tailbar">
        {runs && down ? (
          <span className="st st-retry">
            <Icon name="unlink" />
            <span>the line is down; {log.model.numbered} lines until then</span>
          </span>
        ) : runs && follow ? (
          <span className="st st-run">
            <Ring />
            <span>following, {count(log.model.numbered, "line")}</span>
          </span>
        ) : (
          <span>{count(log.model.numbered, "line")}</span>
        )}
        {alive && !follow && (
          <Button small icon="down" onClick={() => setFollow(true)}>
            To the end
          </Button>
        )}
        {foot}
      </div>
    </>
  );
}

function SectionHead({
  row,
  step,
  onToggle,
}: {
  row: Extract<Row, { is: "head" }>;
  step: Step | undefined;
  onToggle: () => void;
}) {
  const sign = step === undefined ? null : step.runs > row.run ? null : stepSign(step.state);
  const [from, to] = [ms(step?.started_at), ms(step?.finished_at)];
  return (
    <button
      type="button"
      tabIndex={-1}
      className={`sec w-full text-left ${row.closed ? "closed" : ""}`}
      aria-expanded={!row.closed}
      onClick={onToggle}
    >
      <Icon name={row.closed ? "right" : "down"} className="muted" />
      {sign !== null && (
        <span className={`c-${sign.tone}`}>
          {sign === RUNNING || sign.shape === "ring" ? <Ring /> : <Icon name={sign.shape} />}
        </span>
      )}
      {step?.name ?? `step ${row.step}`}
      {row.run > 1 && <span className="tag">run {row.run}</span>}
      <span className="dur">
        {from !== null && to !== null && `${duration(to - from)} · `}
        {count(row.lines, "line")}
      </span>
    </button>
  );
}

const LogLine = memo(function LogLine({
  line,
  search,
  now,
  selected,
  cursor,
}: {
  line: Line;
  search: string;
  now: boolean;
  selected: boolean;
  cursor: boolean;
}) {
  if (line.kind !== "out") {
    const text = plain(line.raw);
    const [lead, rest] = split(text);
    return (
      <div className={`ev ${line.kind}`}>
        <time>{timeOfDay(line.at)}</time>
        <Icon name={line.kind === "lost" ? "bolt" : line.kind === "back" ? "back" : "info"} />
        <p>
          {line.kind === "info" ? text : <b>{lead}</b>}
          {line.kind === "info" ? "" : rest}
        </p>
      </div>
    );
  }
  return (
    <div
      className={`ln ${search !== "" ? "hit" : ""} ${selected ? "sel" : ""} ${cursor ? "cursor" : ""}`}
      id={`L${line.no}`}
    >
      <a className="no" tabIndex={-1} href={`#L${line.no}`}>
        {line.no}
      </a>
      <time>{timeOfDay(line.at)}</time>
      <span className="tx">
        {search === "" ? (
          spans(line.raw).map((span) => <Piece key={span.at} text={span.text} className={span.className} />)
        ) : (
          <Marked text={plain(line.raw)} search={search} now={now} />
        )}
      </span>
    </div>
  );
});

function Piece({ text, className }: { text: string; className: string }) {
  return className === "" ? text : <span className={className}>{text}</span>;
}

function split(text: string): [string, string] {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  const end = first.search(/[;,]/);
  return end === -1 ? [first, ""] : [first.slice(0, end), first.slice(end)];
}

function Marked({ text, search, now }: { text: string; search: string; now: boolean }) {
  const out: ReactNode[] = [];
  const [lower, needle] = [text.toLowerCase(), search.toLowerCase()];
  let from = 0;
  for (let at = lower.indexOf(needle); at !== -1; at = lower.indexOf(needle, at + needle.length)) {
    out.push(text.slice(from, at));
    out.push(
      <mark key={at} className={now ? "now" : ""}>
        {text.slice(at, at + needle.length)}
      </mark>,
    );
    from = at + needle.length;
  }
  out.push(text.slice(from));
  return out;
}
