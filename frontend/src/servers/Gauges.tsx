// How a server does now: load, memory, disk, and the services that infrakt put there.
import { useQuery } from "@tanstack/react-query";
import { q } from "../api/queries";
import type { ServerStatus, Usage } from "../api/types";
import { bytes, count } from "../ui/format";
import { SignWord, useNow } from "../ui/pieces";
import { appSign } from "../ui/sign";
import { inWords, lines, type Measure, type Point, type Sample } from "./past";

/** A point that is alone is a dot; `h0` gives it the round ends of its line. */
const drawn = (piece: Point[]) =>
  piece
    .map(({ x, percent }, i) => `${i === 0 ? "M" : "L"}${(x * 100).toFixed(2)} ${(100 - percent).toFixed(1)}`)
    .join("") + (piece.length === 1 ? "h0" : "");

/** The last hour, from its beginning at the left to now at the right. Its place is there before anything was measured. */
function Past({ label, past, measure }: { label: string; past: Sample[]; measure: Measure }) {
  const now = useNow();
  const newest = past.at(-1)?.at ?? 0;
  const pieces = lines(past, measure, Math.max(now, newest));
  const said = inWords(label, pieces);
  return (
    <svg className="sp" viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label={said}>
      <title>{said}</title>
      <path className="m" d="M0 100h100" />
      {pieces.map((piece) => {
        const [first, last] = [piece[0]?.x ?? 0, piece.at(-1)?.x ?? 0];
        return (
          <g key={first}>
            {piece.length > 1 && <path className="a" d={`${drawn(piece)}V100H${(first * 100).toFixed(2)}Z`} />}
            <path className={last > first ? "p" : "p dot"} d={drawn(piece)} />
          </g>
        );
      })}
    </svg>
  );
}

function Gauge({
  label,
  value,
  of,
  percent,
  measure,
  past,
  warn = 85,
}: {
  label: string;
  value: string;
  of?: string;
  percent: number;
  measure: Measure;
  past: Sample[];
  warn?: number;
}) {
  const share = Math.max(0, Math.min(100, percent));
  return (
    <div className="gauge">
      <span className="l">{label}</span>
      <span className={`v ${share >= warn ? "c-retry" : ""}`}>
        {value} {of !== undefined && <span className="of">{of}</span>}
      </span>
      <div className="bar2" role="img" aria-label={`${label}: ${Math.round(share)} percent`}>
        <i style={{ width: `${share}%` }} />
      </div>
      <Past label={label} past={past} measure={measure} />
    </div>
  );
}

export function Gauges({ status, old }: { status: ServerStatus; old: boolean }) {
  const past = useQuery(q.serverPast(status.name)).data ?? [];
  const use = (usage: Usage) => ({
    value: `${Math.round(usage.percent)} %`,
    of: `${bytes(usage.used)} of ${bytes(usage.total)}`,
    percent: usage.percent,
  });
  const part = (name: string, one: { state: string; version?: string | null }) => (
    <div className="contents" key={name}>
      <dt>{name}</dt>
      <dd>
        <SignWord
          sign={
            one.state === "up"
              ? appSign("running")
              : one.state === "down"
                ? appSign("stopped")
                : { word: "missing", tone: "idle", shape: "ringo" }
          }
        />{" "}
        <span className="muted">{one.version ?? ""}</span>
      </dd>
    </div>
  );
  return (
    <>
      <div className={`card ${old ? "is-old" : ""}`}>
        <Gauge
          label="Load"
          measure="load"
          past={past}
          value={(status.load[0] ?? 0).toFixed(2)}
          of={`${status.load
            .slice(1)
            .map((one) => one.toFixed(2))
            .join(", ")} · ${count(status.cpu.total, "core")}`}
          percent={((status.load[0] ?? 0) / Math.max(1, status.cpu.total)) * 100}
        />
        <Gauge label="Memory" measure="memory" past={past} {...use(status.memory)} />
        <Gauge label="Disk" measure="disk" past={past} {...use(status.disk)} />
      </div>
      <dl className="kv card mt-3">
        {part("docker", status.docker)}
        {part("caddy", status.caddy)}
        {part("ufw", status.ufw)}
        {part("fail2ban", status.fail2ban)}
      </dl>
    </>
  );
}
