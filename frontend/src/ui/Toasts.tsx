// Short news in the corner, each with a link to what it is about. Said to screen readers; never the only place of a fact.
import { createContext, type ReactNode, use, useCallback, useMemo, useState } from "react";
import { Link } from "react-router";
import { ApiError } from "../api/call";
import { Icon } from "./Icon";
import { Words } from "./pieces";
import { explain } from "./Trouble";

interface Toast {
  id: number;
  tone: "ok" | "fail";
  text: string;
  to?: string;
  label?: string;
  small?: string | undefined;
}

interface Toasts {
  say: (text: string, link?: { to: string; label: string }) => void;
  fail: (error: unknown) => void;
}

const Context = createContext<Toasts>({ say: () => undefined, fail: () => undefined });
export const useToasts = (): Toasts => use(Context);

const STAYS_MS = 7_000;
let last = 0;

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const drop = useCallback((id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const add = useCallback(
    (toast: Omit<Toast, "id">) => {
      last += 1;
      const id = last;
      setToasts((all) => [...all.slice(-2), { ...toast, id }]);
      // A failure stays until it is closed: it may have to be read twice.
      if (toast.tone === "ok") setTimeout(() => drop(id), STAYS_MS);
    },
    [drop],
  );
  const value = useMemo<Toasts>(
    () => ({
      say: (text, link) => add({ tone: "ok", text, ...link }),
      fail: (error) =>
        add({ tone: "fail", text: explain(error), small: error instanceof ApiError ? error.requestId : undefined }),
    }),
    [add],
  );
  return (
    <Context value={value}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {toasts.map((toast) => (
          <div className="note" key={toast.id}>
            <span className={`c-${toast.tone}`}>
              <Icon name={toast.tone === "ok" ? "check" : "xc"} />
            </span>
            <div className="grow">
              {toast.to !== undefined && (
                <Link className="strong link" to={toast.to}>
                  {toast.label}
                </Link>
              )}{" "}
              <span className="soft">
                <Words text={toast.text} />
              </span>
              {toast.small !== undefined && <span className="muted small block">request {toast.small}</span>}
            </div>
            <button type="button" className="cp" aria-label="close" onClick={() => drop(toast.id)}>
              <Icon name="x" />
            </button>
          </div>
        ))}
      </div>
    </Context>
  );
}
