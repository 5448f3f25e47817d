// How a server does now: load, memory, disk, and the services that infrakt put there.
import type { ServerStatus, Usage } from "../api/types";
import { bytes, count } from "../ui/format";
import { SignWord } from "../ui/pieces";
import { appSign } from "../ui/sign";

function Gauge({
  label,
  value,
  of,
  percent,
  warn = 85,
}: {
  label: string;
  value: string;
  of?: string;
  percent: number;
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
    </div>
  );
}

export function Gauges({ status, old }: { status: ServerStatus; old: boolean }) {
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
          value={(status.load[0] ?? 0).toFixed(2)}
          of={`${status.load
            .slice(1)
            .map((one) => one.toFixed(2))
            .join(", ")} · ${count(status.cpu.total, "core")}`}
          percent={((status.load[0] ?? 0) / Math.max(1, status.cpu.total)) * 100}
        />
        <Gauge label="Memory" {...use(status.memory)} />
        <Gauge label="Disk" {...use(status.disk)} />
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
