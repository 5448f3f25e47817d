// Variables: masked until one is asked for, edited as a table or as text, and what is not deployed yet is marked.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { call, path } from "../api/call";
import { q } from "../api/queries";
import type { AppDetails, EnvVar } from "../api/types";
import { useEnqueue } from "../jobs/actions";
import { JobLink } from "../jobs/JobBits";
import { Destroy, Dialog } from "../ui/Dialog";
import { Field, FormError, useSubmit } from "../ui/Form";
import { bytes, count, word } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Button, Command, Copy, Empty, Note, SignWord, Table } from "../ui/pieces";
import type { Sign } from "../ui/sign";
import { useToasts } from "../ui/Toasts";
import { explain, Loaded } from "../ui/Trouble";

const KEY = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function badKey(key: string): string | undefined {
  if (key === "" || KEY.test(key)) return undefined;
  return /^[0-9]/.test(key) ? "must start with a letter or _" : "only letters, digits and _";
}

const MARKS: Record<string, Sign & { row: string }> = {
  added: { word: "added", tone: "ok", shape: "plus", row: "add" },
  changed: { word: "changed", tone: "retry", shape: "pencil", row: "chg" },
  removed: { word: "removed", tone: "fail", shape: "minus", row: "del" },
};

export function Env({ app }: { app: AppDetails }) {
  const query = useQuery(q.env(app.server_name, app.name));
  const client = useQueryClient();
  const toasts = useToasts();
  const enqueue = useEnqueue();
  const told = useQuery(q.envChanges(app.server_name, app.name)).data;
  const marks = Object.fromEntries((told?.changes ?? []).map((one) => [one.key, MARKS[one.change]]));
  const [shown, setShown] = useState<Record<string, string>>({});
  const [edit, setEdit] = useState<{ key: string; value: string } | null>(null);
  const [text, setText] = useState(false);
  const [gone, setGone] = useState<string | null>(null);
  const at = { server: app.server_name };
  const refresh = () => client.invalidateQueries({ queryKey: ["env", app.server_name, app.name] });

  const reveal = async (key: string) => {
    if (shown[key] !== undefined) {
      setShown(({ [key]: _, ...rest }) => rest);
      return;
    }
    try {
      const { value } = await call<EnvVar>(path`/apps/${app.name}/env/${key}`, { query: at });
      setShown((was) => ({ ...was, [key]: value }));
    } catch (error) {
      toasts.fail(error);
    }
  };
  const set = async (key: string, value: string) => {
    await call<EnvVar[]>(path`/apps/${app.name}/env`, { method: "POST", query: at, body: [{ key, value }] });
    setShown(({ [key]: _, ...rest }) => rest);
    await refresh();
  };
  const act = (verb: string) =>
    void enqueue(
      path`/apps/${app.name}/${verb === "push" ? "env" : "deploy"}${verb === "push" ? "/push" : ""}`.replaceAll(
        "%2F",
        "/",
      ),
      `${verb === "push" ? "env push" : "deploy"} ${app.name}`,
      { query: at },
    )
      .then(refresh)
      .catch(toasts.fail);
  const changes = Object.keys(marks).length;
  return (
    <>
      {changes > 0 && told?.job_id != null && (
        <Note tone="run" icon="clock" lead={`${count(changes, "change is", "changes are")} on the way.`}>
          <JobLink id={told.job_id} /> brings them.
        </Note>
      )}
      {changes > 0 && told?.job_id == null && (
        <Note
          tone="retry"
          icon="pencil"
          lead={`${count(changes, "change is", "changes are")} not deployed.`}
          acts={
            <>
              <Button small onClick={() => act("push")}>
                Push and restart
              </Button>
              <Button small kind="pri" onClick={() => act("deploy")}>
                Deploy to apply
              </Button>
            </>
          }
        >
          What waits already was queued before them and does not carry them.
        </Note>
      )}
      <section className="card sect">
        <header>
          <h2>Variables</h2>
          {query.data !== undefined && <span className="cnt">{query.data.length}</span>}
          <span className="end">
            <span className="seg">
              <button type="button" aria-pressed={!text} onClick={() => setText(false)}>
                Table
              </button>
              <button type="button" aria-pressed={text} onClick={() => setText(true)}>
                Text
              </button>
            </span>
          </span>
        </header>
        {text ? (
          <AsText
            app={app}
            onDone={() => {
              setText(false);
              void refresh();
            }}
          />
        ) : (
          <>
            <NewVar onSet={set} />
            <Loaded query={query} what="The variables">
              {(rows) =>
                rows.length === 0 && deleted(rows, marks).length === 0 ? (
                  <Empty
                    icon="key"
                    title="No variable yet"
                    text="They are kept sealed, masked in every log, and put on the server with the next deploy."
                    command={`infrakt env set ${word(app.name)} KEY=value`}
                  />
                ) : (
                  <Table
                    className="env"
                    label={`variables of ${app.name}`}
                    heads={[
                      { text: "Key" },
                      { text: "Value" },
                      { text: "Not deployed" },
                      { text: "Actions", hidden: true },
                    ]}
                  >
                    <tbody role="rowgroup">
                      {rows.map(({ key }) => {
                        const value = shown[key];
                        return (
                          <tr role="row" key={key} className={marks[key]?.row ?? ""}>
                            <td role="cell" className="ct">
                              <span className="k">{key}</span>
                            </td>
                            <td role="cell" className="max">
                              <div className="val">
                                {value === undefined ? (
                                  <span className="dots" role="img" aria-label="hidden">
                                    ••••••••
                                  </span>
                                ) : value.includes("\n") ? (
                                  <span className="tag">
                                    {count(value.split("\n").length, "line")}, {bytes(new Blob([value]).size)}
                                  </span>
                                ) : (
                                  <span className="tr">{value === "" ? <em className="muted">empty</em> : value}</span>
                                )}
                                <button
                                  type="button"
                                  className="cp"
                                  aria-label={value === undefined ? `reveal ${key}` : `hide ${key}`}
                                  title={value === undefined ? "reveal" : "hide"}
                                  onClick={() => void reveal(key)}
                                >
                                  <Icon name={value === undefined ? "eye" : "eyeoff"} />
                                </button>
                                {value !== undefined && <Copy text={value} what={`value of ${key}`} />}
                              </div>
                            </td>
                            <td role="cell" className="cs nw">
                              {marks[key] !== undefined && <SignWord sign={marks[key]} />}
                            </td>
                            <td role="cell" className="act">
                              <Button
                                small
                                kind="ghost"
                                icon="pencil"
                                aria-label={`edit ${key}`}
                                title="edit"
                                onClick={() => setEdit({ key, value: value ?? "" })}
                              />
                              <Button
                                small
                                kind="ghost"
                                icon="trash"
                                aria-label={`delete ${key}`}
                                title="delete"
                                onClick={() => setGone(key)}
                              />
                            </td>
                          </tr>
                        );
                      })}
                      {deleted(rows, marks).map((key) => (
                        <tr role="row" key={key} className="del">
                          <td role="cell" className="ct">
                            <span className="k">{key}</span>
                          </td>
                          <td role="cell" className="max muted">
                            deleted here
                          </td>
                          <td role="cell" className="cs nw">
                            {marks[key] !== undefined && <SignWord sign={marks[key]} />}
                          </td>
                          <td role="cell" className="act" />
                        </tr>
                      ))}
                    </tbody>
                  </Table>
                )
              }
            </Loaded>
          </>
        )}
      </section>
      <div className="grid gap-2 max-w-[480px]">
        <Command text={`infrakt env list ${word(app.name)}`} />
        <Command text={`infrakt env push ${word(app.name)}`} />
      </div>
      {edit !== null && <Edit start={edit} onSet={set} onClose={() => setEdit(null)} />}
      {gone !== null && (
        <Destroy
          title={`Delete ${gone} of ${app.name}?`}
          name={gone}
          verb="Delete"
          goes={["its value; there is no copy of it here"]}
          stays={["what runs now keeps it until the next deploy or push"]}
          command={() => `infrakt env delete ${word(app.name)} ${gone}`}
          act={async () => {
            await call<unknown>(path`/apps/${app.name}/env/${gone}`, { method: "DELETE", query: at });
            await refresh();
          }}
          onClose={() => setGone(null)}
        />
      )}
    </>
  );
}

/** Keys that are on the server alone. */
function deleted(rows: EnvVar[], marks: Record<string, unknown>): string[] {
  return Object.keys(marks).filter((key) => !rows.some((row) => row.key === key));
}

function NewVar({ onSet }: { onSet: (key: string, value: string) => Promise<void> }) {
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const bad = badKey(key);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (key === "" || bad !== undefined) return;
    setBusy(true);
    setError(null);
    onSet(key, value)
      .then(() => {
        setKey("");
        setValue("");
      })
      .catch(setError)
      .finally(() => setBusy(false));
  };
  return (
    <form className="newvar" onSubmit={submit}>
      <Field
        label="Key"
        mono
        value={key}
        onChange={setKey}
        error={bad ?? (error === null ? undefined : explain(error))}
      />
      <Field
        label="Value"
        mono
        rows={1}
        value={value}
        onChange={setValue}
        hint="Carried exactly: newlines, quotes, #, $ and all. Masked in every log."
      />
      <Button type="submit" busy={busy} disabled={key === "" || bad !== undefined}>
        Set
      </Button>
    </form>
  );
}

function Edit({
  start,
  onSet,
  onClose,
}: {
  start: { key: string; value: string };
  onSet: (key: string, value: string) => Promise<void>;
  onClose: () => void;
}) {
  const [value, setValue] = useState(start.value);
  const form = useSubmit(async () => {
    await onSet(start.key, value);
    onClose();
  });
  return (
    <Dialog title={`Set ${start.key}`} onClose={onClose}>
      <form onSubmit={form.onSubmit}>
        <div className="body">
          <Field
            label="Value"
            mono
            rows={5}
            value={value}
            onChange={setValue}
            hint={start.value === "" ? "The value before is not shown; this one takes its place." : "Carried exactly."}
          />
          <FormError error={form.error} />
        </div>
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="pri" busy={form.busy}>
            Set
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

/** Keys that a .env text sets, for counting. */
export function keysOf(content: string): string[] {
  return [...content.matchAll(/^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=/gm)].map((match) => match[1] ?? "");
}

function AsText({ app, onDone }: { app: AppDetails; onDone: () => void }) {
  const [content, setContent] = useState("");
  const toasts = useToasts();
  const form = useSubmit(async () => {
    await call<unknown>(path`/apps/${app.name}/env/import`, {
      method: "POST",
      query: { server: app.server_name },
      body: { content },
    });
    toasts.say(`${count(keysOf(content).length, "variable")} set`);
    onDone();
  });
  return (
    <form className="form p-4" onSubmit={form.onSubmit}>
      <Field
        label="As in a .env file"
        mono
        rows={10}
        value={content}
        onChange={setContent}
        error={form.bad("content")}
        placeholder={'API_URL="https://…"'}
        hint="Sets what stands here; what does not stand here stays as it is."
      />
      <FormError error={form.error} />
      <div className="row">
        <Button type="submit" kind="pri" busy={form.busy} disabled={content.trim() === ""}>
          Set these
        </Button>
        <Command text={`infrakt env set ${word(app.name)} --file .env`} />
      </div>
    </form>
  );
}
