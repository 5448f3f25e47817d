// Keys, the look of the page, and what runs here.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call, path, signOut } from "../api/call";
import { q } from "../api/queries";
import type { Key, NewKey } from "../api/types";
import { setTheme, type Theme, theme } from "../frame/theme";
import { useLive } from "../live/Live";
import { Destroy, Dialog } from "../ui/Dialog";
import { Field, FormError, useDraft, useSubmit } from "../ui/Form";
import { Ago, Button, Command, Copy, Empty, Head, Table } from "../ui/pieces";
import { Loaded } from "../ui/Trouble";

const SCOPES = [
  { value: "read", text: "only read" },
  { value: "deploy", text: "deploy, restart, set variables" },
  { value: "admin", text: "everything" },
];

export function SettingsPage() {
  const keys = useQuery(q.keys());
  const health = useQuery(q.health());
  const client = useQueryClient();
  const live = useLive();
  const [chosen, setChosen] = useState<Theme>(theme());
  const [making, setMaking] = useState(false);
  const [gone, setGone] = useState<Key | null>(null);
  return (
    <div className="wrap">
      <Head title="Settings" />
      <div className="grid gap-6 max-w-[860px]">
        <section>
          <header className="row mb-2">
            <h2>Keys</h2>
            <span className="ml-auto">
              <Button small icon="plus" onClick={() => setMaking(true)}>
                New key
              </Button>
            </span>
          </header>
          <Loaded query={keys} what="The list of keys" rows={2}>
            {(rows) => (
              <div className="card">
                {rows.length === 0 ? (
                  <Empty
                    icon="key"
                    title="No key beside the first"
                    text="The first one lies in this home’s api_key.txt. Others have a name, and may less."
                    command="infrakt key add ci --scope deploy"
                  />
                ) : (
                  <Table
                    label="keys"
                    heads={[
                      { text: "Name" },
                      { text: "May" },
                      { text: "Made" },
                      { text: "Used" },
                      { text: "Actions", hidden: true },
                    ]}
                  >
                    <tbody role="rowgroup">
                      {rows.map((key) => (
                        <tr role="row" key={key.name}>
                          <td role="cell" className="ct">
                            <span className="t">{key.name}</span>
                          </td>
                          <td role="cell" className="ci">
                            <span className="cv">
                              {SCOPES.find((one) => one.value === key.scope)?.text ?? key.scope}
                            </span>
                          </td>
                          <td role="cell" className="soft nw ci">
                            <span className="cv">
                              <Ago time={key.created_at} />
                            </span>
                          </td>
                          <td role="cell" className="soft nw ci">
                            <span className="cv">
                              {key.last_used_at == null ? "never" : <Ago time={key.last_used_at} />}
                            </span>
                          </td>
                          <td role="cell" className="act">
                            <Button small kind="danger" onClick={() => setGone(key)}>
                              Revoke…
                            </Button>
                          </td>
                        </tr>
                      ))}
                    </tbody>
                  </Table>
                )}
              </div>
            )}
          </Loaded>
        </section>
        <section>
          <h2 className="mb-2">Look</h2>
          <div className="card p-4 row">
            <span className="grow">
              Light and dark
              <span className="muted small block">Remembered in this browser.</span>
            </span>
            <span className="seg">
              {(["system", "light", "dark"] as const).map((one) => (
                <button
                  type="button"
                  key={one}
                  aria-pressed={chosen === one}
                  onClick={() => {
                    setTheme(one);
                    setChosen(one);
                  }}
                >
                  {one}
                </button>
              ))}
            </span>
          </div>
        </section>
        <section>
          <h2 className="mb-2">This infrakt</h2>
          <dl className="kv card">
            <dt>address</dt>
            <dd>
              <code>{location.origin}</code>
            </dd>
            <dt>version</dt>
            <dd>{health.data?.version ?? "not known"}</dd>
            <dt>line</dt>
            <dd>{live.state.is}</dd>
            <dt>API</dt>
            <dd>
              <a className="link" href="/api/docs">
                its documentation
              </a>
            </dd>
          </dl>
          <div className="grid gap-2 mt-3 max-w-[420px]">
            <Command text="infrakt doctor" />
            <Command text="infrakt ui" />
          </div>
        </section>
        <div>
          <Button onClick={() => signOut()}>Sign out</Button>
        </div>
      </div>
      {making && <AddKey onClose={() => setMaking(false)} />}
      {gone !== null && (
        <Destroy
          title={`Revoke the key ${gone.name}?`}
          name={gone.name}
          verb="Revoke key"
          goes={["whoever uses it is refused from now on"]}
          stays={["the jobs that it asked for"]}
          command={() => `infrakt key revoke ${gone.name}`}
          act={async () => {
            await call<unknown>(path`/keys/${gone.name}`, { method: "DELETE" });
            await client.invalidateQueries({ queryKey: ["keys"] });
          }}
          onClose={() => setGone(null)}
        />
      )}
    </div>
  );
}

function AddKey({ onClose }: { onClose: () => void }) {
  const [values, set] = useDraft({ name: "", scope: "deploy" });
  const [made, setMade] = useState<NewKey | null>(null);
  const client = useQueryClient();
  const form = useSubmit(async () => {
    setMade(await call<NewKey>("/keys", { method: "POST", body: values }));
    await client.invalidateQueries({ queryKey: ["keys"] });
  });
  return (
    <Dialog title={made === null ? "New key" : `The key ${values.name}`} onClose={onClose}>
      {made !== null ? (
        <>
          <div className="body">
            <div className="field">
              <span className="lbl">Copy it now; it is not shown again</span>
              <div className="cmd">
                <span className="grow mono wrap-anywhere">{made.key}</span>
                <Copy text={made.key} what="key" />
              </div>
            </div>
          </div>
          <footer>
            <Button kind="pri" onClick={onClose}>
              Done
            </Button>
          </footer>
        </>
      ) : (
        <form onSubmit={form.onSubmit} noValidate>
          <div className="body">
            <Field
              label="Name"
              value={values.name}
              onChange={(v) => set("name", v)}
              error={form.bad("name")}
              placeholder="ci"
              hint="Jobs say it as who asked."
              autoFocus
            />
            <Field
              label="May"
              value={values.scope}
              onChange={(v) => set("scope", v)}
              error={form.bad("scope")}
              options={SCOPES}
            />
            <FormError error={form.error} />
          </div>
          <footer>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" kind="pri" busy={form.busy}>
              Make key
            </Button>
          </footer>
        </form>
      )}
    </Dialog>
  );
}
