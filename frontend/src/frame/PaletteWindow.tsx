// Go anywhere, do anything: one field, one list, the command beside each.
import { useQuery } from "@tanstack/react-query";
import { Dialog as Radix } from "radix-ui";
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { path } from "../api/call";
import { q } from "../api/queries";
import { useEnqueue } from "../jobs/actions";
import { useFocusBack } from "../ui/Dialog";
import { Icon } from "../ui/Icon";
import { copyText, SignWord } from "../ui/pieces";
import { jobSign } from "../ui/sign";
import { useToasts } from "../ui/Toasts";
import { find, type Item, items } from "./palette-items";
import { switchTheme } from "./theme";

export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  const box = useRef<HTMLDivElement>(null);
  const focusBack = useFocusBack();
  const navigate = useNavigate();
  const toasts = useToasts();
  const enqueue = useEnqueue();
  const apps = useQuery(q.apps());
  const servers = useQuery(q.servers());
  const databases = useQuery(q.databases());
  const alive = useQuery(q.alive());
  const all = useMemo(
    () =>
      items({
        apps: apps.data ?? [],
        servers: servers.data ?? [],
        databases: databases.data ?? [],
        jobs: alive.data ?? [],
      }),
    [apps.data, servers.data, databases.data, alive.data],
  );
  const found = useMemo(() => find(all, text), [all, text]);
  const chosen = found[Math.min(at, found.length - 1)];
  const run = (item: Item) => {
    onClose();
    if (item.theme) switchTheme();
    else if (item.to !== undefined) void navigate(item.to);
    else if (item.act !== undefined) {
      const { app, server, verb } = item.act;
      const to = verb === "provision" ? path`/servers/${server}/provision` : path`/apps/${app}/${verb}`;
      enqueue(to, item.text, verb === "provision" ? {} : { query: { server } }).catch(toasts.fail);
    }
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(found.length - 1, at + 1));
    else if (event.key === "ArrowUp") setAt(Math.max(0, at - 1));
    else if (event.key === "Enter" && chosen !== undefined) {
      if ((event.ctrlKey || event.metaKey) && chosen.command !== undefined) {
        void copyText(`infrakt ${chosen.command}`).then((done) => done && toasts.say("The command is copied"));
        onClose();
      } else run(chosen);
    } else return;
    event.preventDefault();
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: the chosen row is what moved
  useEffect(() => {
    box.current?.querySelector("[aria-selected='true']")?.scrollIntoView({ block: "nearest" });
  }, [at, found]);
  return (
    <Radix.Root open onOpenChange={(open) => !open && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="shade" />
        <div className="popwrap">
          <Radix.Content className="pop pal" aria-describedby={undefined} onCloseAutoFocus={focusBack}>
            <Radix.Title className="vh">Search or run a command</Radix.Title>
            <div className="q">
              <Icon name="search" />
              <input
                value={text}
                placeholder="deploy web, logs api, prod-1 …"
                aria-label="search or run a command"
                role="combobox"
                aria-expanded="true"
                aria-controls={list}
                aria-activedescendant={chosen === undefined ? undefined : `${list}-${found.indexOf(chosen)}`}
                onChange={(event) => {
                  setText(event.target.value);
                  setAt(0);
                }}
                onKeyDown={onKey}
              />
              <kbd>esc</kbd>
            </div>
            <div className="res" id={list} role="listbox" aria-label="results" ref={box} tabIndex={-1}>
              {found.length === 0 && (
                <p className="muted p-3 text-[13px]">
                  Nothing is called so. The command line knows more: <code>infrakt --help</code>
                </p>
              )}
              {(["Do", "Jobs", "Go to"] as const).map((group) => {
                const rows = found.filter((item) => item.group === group);
                return rows.length === 0 ? null : (
                  <div role="group" aria-label={group} key={group}>
                    <div className="gh" role="presentation">
                      {group}
                    </div>
                    {rows.map((item) => {
                      const i = found.indexOf(item);
                      return (
                        // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keys
                        <div
                          className="o cursor-pointer"
                          role="option"
                          tabIndex={-1}
                          id={`${list}-${i}`}
                          aria-selected={item === chosen}
                          key={item.text + item.detail}
                          onClick={() => run(item)}
                          onPointerMove={() => setAt(i)}
                        >
                          <Icon name={item.icon} />
                          <span className="nw">{item.text}</span>
                          <span className="d tr">{item.detail}</span>
                          {item.job !== undefined ? (
                            <SignWord sign={jobSign(item.job)} />
                          ) : item === chosen ? (
                            <kbd>↵</kbd>
                          ) : (
                            <code>{item.command ?? item.key}</code>
                          )}
                        </div>
                      );
                    })}
                  </div>
                );
              })}
            </div>
            <footer>
              <span>
                <kbd>↑</kbd>
                <kbd>↓</kbd> move
              </span>
              <span>
                <kbd>↵</kbd> run
              </span>
              <span>
                <kbd>Ctrl</kbd>
                <kbd>↵</kbd> copy the command
              </span>
              <span className="ml-auto">
                <kbd>?</kbd> all keys
              </span>
            </footer>
          </Radix.Content>
        </div>
      </Radix.Portal>
    </Radix.Root>
  );
}
