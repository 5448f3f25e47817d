// Windows over the page: focus goes in, stays, and comes back; Esc closes.
import { AlertDialog, Dialog as Radix } from "radix-ui";
import { type FormEvent, type ReactNode, useId, useState } from "react";
import { Icon } from "./Icon";
import { Button, Command, Note } from "./pieces";
import { explain } from "./Trouble";

/** Where the focus was when the window was opened; of a menu that is gone by then, the button of the menu. */
function opener(): HTMLElement | null {
  const at = document.activeElement;
  const menu = at?.closest("[role='menu']")?.getAttribute("aria-labelledby");
  const from = menu === null || menu === undefined ? at : document.getElementById(menu);
  return from instanceof HTMLElement && from !== document.body ? from : null;
}

/** Gives the focus back when a window closes: to what opened it, else to the page. One that led to another page leaves it there. */
export function useFocusBack(): (event: Event) => void {
  const [from] = useState(() => ({ element: opener(), path: location.pathname }));
  return (event) => {
    event.preventDefault();
    if (location.pathname !== from.path) return;
    (from.element?.isConnected ? from.element : document.getElementById("main"))?.focus({ preventScroll: true });
  };
}

export function Dialog({
  title,
  onClose,
  children,
  wide = false,
}: {
  title: string;
  onClose: () => void;
  children: ReactNode;
  wide?: boolean;
}) {
  const focusBack = useFocusBack();
  return (
    <Radix.Root open onOpenChange={(open) => !open && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="shade" />
        <div className="popwrap">
          <Radix.Content
            className={`pop dlg ${wide ? "wide" : ""}`}
            aria-describedby={undefined}
            onCloseAutoFocus={focusBack}
          >
            <Radix.Title>{title}</Radix.Title>
            {children}
          </Radix.Content>
        </div>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface DestroyProps {
  title: string;
  /** What is typed to go on. */
  name: string;
  verb: string;
  keep?: string;
  goes: ReactNode[];
  stays: ReactNode[];
  /** The dangerous extra. */
  extra?: string;
  command: (extra: boolean) => string;
  act: (extra: boolean) => Promise<unknown>;
  onClose: () => void;
}

/** Asks for the name, and says what is lost and what is not. */
export function Destroy({
  title,
  name,
  verb,
  keep = "Keep it",
  goes,
  stays,
  extra,
  command,
  act,
  onClose,
}: DestroyProps) {
  const [typed, setTyped] = useState("");
  const [also, setAlso] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const field = useId();
  const focusBack = useFocusBack();
  const fits = typed === name;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!fits || busy) return;
    setBusy(true);
    setError(null);
    act(also).then(onClose, (problem: unknown) => {
      setError(problem);
      setBusy(false);
    });
  };
  return (
    <AlertDialog.Root open onOpenChange={(open) => !open && onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="shade" />
        <div className="popwrap">
          <AlertDialog.Content
            className="pop dlg"
            aria-describedby={undefined}
            onCloseAutoFocus={focusBack}
            onOpenAutoFocus={(event) => {
              event.preventDefault();
              document.getElementById(field)?.focus();
            }}
          >
            <AlertDialog.Title>{title}</AlertDialog.Title>
            <form onSubmit={submit}>
              <div className="body">
                <div className="gone">
                  <p className="strong">Goes, at once and for good</p>
                  <ul className="gone">
                    {goes.map((one, i) => (
                      // biome-ignore lint/suspicious/noArrayIndexKey: the list does not change
                      <li key={i}>
                        <span className="c-fail">
                          <Icon name="minus" />
                        </span>
                        <span>{one}</span>
                      </li>
                    ))}
                    {also && extra !== undefined && (
                      <li>
                        <span className="c-fail">
                          <Icon name="minus" />
                        </span>
                        <span>the volumes and what is in them</span>
                      </li>
                    )}
                  </ul>
                </div>
                <div className="gone">
                  <p className="strong">Stays</p>
                  <ul className="gone">
                    {(also ? stays.slice(1) : stays).map((one, i) => (
                      // biome-ignore lint/suspicious/noArrayIndexKey: the list does not change
                      <li key={i}>
                        <span className="c-idle">
                          <Icon name="keep" />
                        </span>
                        <span>{one}</span>
                      </li>
                    ))}
                  </ul>
                </div>
                {extra !== undefined && (
                  <label className="check">
                    <input type="checkbox" checked={also} onChange={(event) => setAlso(event.target.checked)} />
                    <span>{extra}</span>
                  </label>
                )}
                <div className="field">
                  <label htmlFor={field}>
                    Type <code>{name}</code> to go on
                  </label>
                  <input
                    id={field}
                    className="in mono"
                    value={typed}
                    onChange={(event) => setTyped(event.target.value)}
                    autoComplete="off"
                    spellCheck={false}
                  />
                </div>
                {error !== null && (
                  <Note tone="fail" icon="xc" role="alert" lead="It was not done.">
                    {explain(error)}
                  </Note>
                )}
                <Command text={command(also)} />
              </div>
              <footer>
                <Button onClick={onClose}>{keep}</Button>
                <Button type="submit" kind={fits ? "danger solid" : "danger"} disabled={!fits} busy={busy}>
                  {verb}
                </Button>
              </footer>
            </form>
          </AlertDialog.Content>
        </div>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
