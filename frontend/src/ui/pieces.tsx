// Small pieces without data of their own.
import {
  type ButtonHTMLAttributes,
  type ComponentProps,
  type ReactNode,
  useEffect,
  useState,
  useSyncExternalStore,
} from "react";
import { Link } from "react-router";
import type { Step } from "../api/types";
import { ago, moment, ms } from "./format";
import { Icon, Ring } from "./Icon";
import type { Shape } from "./shapes";
import { type Sign, stepSign } from "./sign";

export function SignIcon({ sign, title }: { sign: Sign; title?: string }) {
  return (
    <span className={`st st-${sign.tone}`} title={title ?? sign.word}>
      {sign.shape === "ring" ? <Ring /> : <Icon name={sign.shape} />}
      <span className="vh">{sign.word}</span>
    </span>
  );
}

export function SignWord({ sign, pill = false, extra }: { sign: Sign; pill?: boolean; extra?: ReactNode }) {
  return (
    <span className={`st st-${sign.tone} ${pill ? "pill" : ""} ${pill && sign.tone === "attn" ? "on-attn" : ""}`}>
      {sign.shape === "ring" ? <Ring /> : <Icon name={sign.shape} />}
      <span>
        {sign.word}
        {extra}
      </span>
    </span>
  );
}

type Kind = "" | "pri" | "ghost" | "danger" | "danger solid";

interface ButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "className"> {
  kind?: Kind;
  small?: boolean;
  icon?: Shape;
  busy?: boolean;
}

export function Button({ kind = "", small, icon, busy, children, type = "button", disabled, ...rest }: ButtonProps) {
  const square = children === undefined ? "sq" : "";
  return (
    <button
      type={type}
      className={`btn ${kind} ${small ? "sm" : ""} ${square}`}
      disabled={disabled || busy}
      aria-busy={busy}
      {...rest}
    >
      {busy ? <Ring /> : icon !== undefined && <Icon name={icon} />}
      {children}
    </button>
  );
}

export function LinkButton({
  kind = "",
  small,
  icon,
  children,
  ...rest
}: ComponentProps<typeof Link> & { kind?: Kind; small?: boolean; icon?: Shape }) {
  return (
    <Link className={`btn ${kind} ${small ? "sm" : ""}`} {...rest}>
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </Link>
  );
}

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

export function Copy({ text, what }: { text: string; what: string }) {
  const [done, setDone] = useState<boolean | null>(null);
  useEffect(() => {
    if (done === null) return;
    const timer = setTimeout(() => setDone(null), 1_500);
    return () => clearTimeout(timer);
  }, [done]);
  const label = done === null ? `copy ${what}` : done ? "copied" : "the browser did not allow it";
  return (
    <button
      type="button"
      className="cp"
      aria-label={label}
      title={label}
      onClick={() => void copyText(text).then(setDone)}
    >
      <Icon name={done === null ? "copy" : done ? "check" : "x"} />
    </button>
  );
}

/** One that is too long for a line breaks behind its name. */
function Flag({ text }: { text: string }) {
  const [name = "", ...rest] = text.split(" ");
  if (text.length < 40) return <span className="nw">{text}</span>;
  return (
    <>
      <span className="nw">{name}</span> {rest.join(" ")}
    </>
  );
}

/** The command that does the same; its flags do not break. */
export function Command({ text }: { text: string }) {
  return (
    <div className="cmd">
      <code>
        {text.split(/ (?=--)/).map((part, i) => (
          <span key={part}>
            {i > 0 && " "}
            {i > 0 && <Flag text={part} />}
            {i === 0 && part}
          </span>
        ))}
      </code>
      <Copy text={text} what="command" />
    </div>
  );
}

/** The page's clock: one for all, ticking only for those who look. */
function ticking(every: number) {
  let now = Date.now();
  let timer: ReturnType<typeof setInterval> | null = null;
  const listeners = new Set<() => void>();
  return {
    subscribe(listener: () => void) {
      listeners.add(listener);
      now = Date.now();
      timer ??= setInterval(() => {
        now = Date.now();
        for (const tell of listeners) tell();
      }, every);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && timer !== null) {
          clearInterval(timer);
          timer = null;
        }
      };
    },
    get: () => now,
  };
}
const fast = ticking(1_000);
const slow = ticking(20_000);
const never = { subscribe: () => () => undefined, get: () => 0 };

/** Now; each second while something runs, else now and then. */
export function useNow(runs = false): number {
  const source = runs ? fast : slow;
  return useSyncExternalStore(source.subscribe, source.get);
}

export function useStill(): number {
  return useSyncExternalStore(never.subscribe, never.get);
}

export function Ago({ time, plain = false }: { time: string | null | undefined; plain?: boolean }) {
  const now = useNow();
  const at = ms(time);
  if (at === null) return null;
  const text = ago(Math.max(now, at), at);
  return (
    <time className="nw" dateTime={new Date(at).toISOString()} title={moment(at)}>
      {plain ? text.replace(" ago", "") : text}
    </time>
  );
}

const SEGMENT: Record<string, string> = {
  succeeded: "d",
  skipped: "d",
  started: "n",
  failed: "f",
  lost: "a",
  cancelled: "",
};

export function StepsBar({ steps }: { steps: Step[] }) {
  const plan = steps.filter((step) => step.seq < 100);
  if (plan.length === 0) return null;
  const at = plan.findIndex((step) => !["succeeded", "skipped"].includes(step.state));
  const current = plan[at === -1 ? plan.length - 1 : at];
  const label = `step ${(at === -1 ? plan.length - 1 : at) + 1} of ${plan.length}: ${current?.name ?? ""}`;
  return (
    <span className={`segs ${plan.length > 6 ? "s8" : ""}`} role="img" aria-label={label} title={label}>
      {plan.map((step) => (
        <i key={step.seq} className={SEGMENT[step.state] ?? ""} />
      ))}
    </span>
  );
}

/** The step that runs, or ended badly. */
export function currentStep(steps: Step[]): { step: Step; at: number; of: number } | null {
  const plan = steps.filter((step) => step.seq < 100);
  const bad = steps.find((step) => step.state === "started" || step.state === "running");
  const step = bad ?? plan.find((s) => stepSign(s.state) !== null && !["succeeded", "skipped"].includes(s.state));
  if (step === undefined) return null;
  return { step, at: plan.findIndex((s) => s.seq === step.seq) + 1, of: plan.length };
}

export function Skeleton({ rows = 4 }: { rows?: number }) {
  return (
    <div className="card" aria-busy="true">
      <span className="vh">loading</span>
      {Array.from({ length: rows }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all the same
        <div className="item" key={i}>
          <span className={`skel ${i % 2 === 0 ? "w-2/5" : "w-1/4"}`} />
        </div>
      ))}
    </div>
  );
}

interface NoteProps {
  tone?: "run" | "attn" | "fail" | "retry" | "";
  icon: Shape | "ring";
  lead: ReactNode;
  children?: ReactNode;
  acts?: ReactNode;
  role?: string;
}

export function Note({ tone = "", icon, lead, children, acts, role }: NoteProps) {
  return (
    <div className={`note ${tone}`} role={role}>
      <span className={`c-${tone === "" ? "idle" : tone} self-start`}>
        {icon === "ring" ? <Ring /> : <Icon name={icon} />}
      </span>
      <div className="grow">
        <span className="strong">{lead}</span> {children !== undefined && <span className="soft">{children}</span>}
      </div>
      {acts !== undefined && <div className="acts">{acts}</div>}
    </div>
  );
}

export function Empty({
  icon,
  title,
  text,
  action,
  command,
}: {
  icon: Shape;
  title: string;
  text: ReactNode;
  action?: ReactNode;
  command?: string;
}) {
  return (
    <div className="empty">
      <Icon name={icon} className="muted" />
      <div>
        <p className="lead">{title}</p>
        <p>{text}</p>
      </div>
      {action}
      {command !== undefined && <Command text={command} />}
    </div>
  );
}

/** A table that becomes cards on a phone; roles are said, since `display` changes them. */
export function Table({
  label,
  heads,
  children,
  className = "",
  count,
}: {
  label: string;
  heads: { text: string; className?: string; hidden?: boolean }[];
  children: ReactNode;
  className?: string;
  /** Of its rows, where not all are drawn. */
  count?: number | undefined;
}) {
  return (
    <table className={`tbl cards ${className}`} role="table" aria-label={label} aria-rowcount={count}>
      <thead role="rowgroup">
        <tr role="row">
          {heads.map((head) => (
            <th key={head.text} role="columnheader" scope="col" className={head.className ?? ""}>
              {head.hidden ? <span className="vh">{head.text}</span> : head.text}
            </th>
          ))}
        </tr>
      </thead>
      {children}
    </table>
  );
}

export function Head({
  title,
  crumbs,
  sign,
  meta,
  acts,
  count,
  extra,
}: {
  title: string;
  crumbs?: ReactNode;
  sign?: ReactNode;
  meta?: ReactNode;
  acts?: ReactNode;
  count?: number | undefined;
  extra?: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · infrakt`;
  }, [title]);
  return (
    <div className="head">
      <div className="grow">
        {crumbs !== undefined && <div className="crumbs">{crumbs}</div>}
        <div className="title">
          <h1>{title}</h1>
          {count !== undefined && <span className="cnt">{count}</span>}
          {sign}
          {extra}
        </div>
        {meta !== undefined && <div className="meta">{meta}</div>}
      </div>
      {acts !== undefined && <div className="acts">{acts}</div>}
    </div>
  );
}

/** What the server says, its `commands and names` as code. */
export function Words({ text }: { text: string }) {
  return text.split("`").map((part, i) => {
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text keep their places
    return i % 2 === 1 ? <code key={i}>{part}</code> : part;
  });
}
