// Forms: what was typed stays through errors and reloads, the server's words stand at their field, Enter submits.
import { type FormEvent, type HTMLInputTypeAttribute, type ReactNode, useEffect, useId, useState } from "react";
import { ApiError } from "../api/call";
import { Icon } from "./Icon";
import { Note } from "./pieces";
import { explain, sentence } from "./Trouble";

export type Values = Record<string, string>;

/** A draft is kept for the tab under `keep`; secrets never. */
export function useDraft<T extends Values>(
  start: T,
  keep?: string,
  secrets: string[] = [],
): [T, (name: keyof T & string, value: string) => void, () => void] {
  const [values, setValues] = useState<T>(() => ({ ...start, ...(keep === undefined ? {} : draft(keep)) }));
  useEffect(() => {
    if (keep === undefined) return;
    try {
      const open = Object.fromEntries(Object.entries(values).filter(([name]) => !secrets.includes(name)));
      sessionStorage.setItem(`draft:${keep}`, JSON.stringify(open));
    } catch {
      // A browser that keeps nothing loses the draft with a reload.
    }
  }, [values, keep, secrets]);
  const set = (name: keyof T & string, value: string) => setValues((all) => ({ ...all, [name]: value }));
  const forget = () => {
    try {
      if (keep !== undefined) sessionStorage.removeItem(`draft:${keep}`);
    } catch {
      // Nothing was kept.
    }
  };
  return [values, set, forget];
}

function draft(keep: string): Values {
  try {
    return JSON.parse(sessionStorage.getItem(`draft:${keep}`) ?? "{}") as Values;
  } catch {
    return {};
  }
}

export interface Act {
  busy: boolean;
  error: unknown;
  /** One at a time: what is asked for meanwhile is not done. */
  run: (act: () => Promise<unknown>) => void;
  forget: () => void;
}

/** Something that is done by a button, and may be refused. */
export function useAct(): Act {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  return {
    busy,
    error,
    run: (act) => {
      if (busy) return;
      setBusy(true);
      setError(null);
      act()
        .catch((problem: unknown) => {
          setError(problem);
          requestAnimationFrame(() => document.querySelector<HTMLElement>("[aria-invalid='true']")?.focus());
        })
        .finally(() => setBusy(false));
    },
    forget: () => setError(null),
  };
}

export interface Submit {
  busy: boolean;
  error: unknown;
  onSubmit: (event: FormEvent) => void;
  bad: (...names: string[]) => string | undefined;
}

export function useSubmit(act: () => Promise<unknown>): Submit {
  const { busy, error, run } = useAct();
  return {
    busy,
    error,
    bad: (...names) => {
      if (!(error instanceof ApiError)) return undefined;
      for (const name of names) {
        const text = error.field(name);
        if (text !== undefined) return text;
      }
      return undefined;
    },
    onSubmit: (event) => {
      event.preventDefault();
      run(act);
    },
  };
}

interface FieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  error?: string | undefined;
  hint?: ReactNode;
  optional?: boolean;
  mono?: boolean;
  type?: HTMLInputTypeAttribute;
  placeholder?: string;
  options?: { value: string; text: string }[];
  rows?: number;
  autoFocus?: boolean;
  inputMode?: "numeric";
  list?: string[];
}

export function Field({
  label,
  value,
  onChange,
  error,
  hint,
  optional,
  mono,
  type = "text",
  placeholder,
  options,
  rows,
  autoFocus,
  inputMode,
  list,
}: FieldProps) {
  const id = useId();
  const said = error !== undefined || hint !== undefined ? `${id}-said` : undefined;
  const common = {
    id,
    value,
    className: `in ${mono ? "mono" : ""}`,
    "aria-invalid": error !== undefined,
    "aria-describedby": said,
    autoComplete: "off",
  } as const;
  let input: ReactNode;
  if (options !== undefined) {
    input = (
      <select {...common} onChange={(event) => onChange(event.target.value)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.text}
          </option>
        ))}
      </select>
    );
  } else if (rows !== undefined) {
    input = (
      <textarea
        {...common}
        rows={rows}
        placeholder={placeholder}
        spellCheck={false}
        onChange={(event) => onChange(event.target.value)}
      />
    );
  } else {
    input = (
      <input
        {...common}
        type={type}
        placeholder={placeholder}
        spellCheck={false}
        inputMode={inputMode}
        list={list === undefined ? undefined : `${id}-list`}
        // biome-ignore lint/a11y/noAutofocus: the first field of a dialog that was asked for
        autoFocus={autoFocus}
        onChange={(event) => onChange(event.target.value)}
      />
    );
  }
  return (
    <div className={`field ${error !== undefined ? "bad" : ""}`}>
      <label htmlFor={id}>
        {label} {optional && <span className="opt">optional</span>}
      </label>
      {input}
      {list !== undefined && (
        <datalist id={`${id}-list`}>
          {list.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
      {error !== undefined ? (
        <span className="err" id={said}>
          <Icon name="xc" />
          {sentence(error)}
        </span>
      ) : (
        hint !== undefined && (
          <span className="hint" id={said}>
            {hint}
          </span>
        )
      )}
    </div>
  );
}

/** What was refused and stands at no field. */
export function FormError({ error }: { error: unknown }) {
  if (error === null) return null;
  const many = error instanceof ApiError && error.fields.length > 0;
  return (
    <Note tone="fail" icon="xc" role="alert" lead={many ? "Please look at the marked fields." : "It was not done."}>
      {many ? "" : explain(error)}
      {error instanceof ApiError && error.requestId !== undefined && (
        <span className="muted small block mt-1">request {error.requestId}</span>
      )}
    </Note>
  );
}
