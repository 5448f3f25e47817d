// Databases: made with a generated password, reachable for apps by name.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { call, path } from "../api/call";
import { q } from "../api/queries";
import type { Database, DatabaseCreated, Server } from "../api/types";
import { useEnqueue } from "../jobs/actions";
import { Destroy, Dialog } from "../ui/Dialog";
import { Field, FormError, useDraft, useSubmit } from "../ui/Form";
import { word } from "../ui/format";
import { Menu } from "../ui/Menu";
import { Button, Command, Copy, Empty, Head, Note, SignWord, Skeleton, Table } from "../ui/pieces";
import { appSign } from "../ui/sign";
import { useToasts } from "../ui/Toasts";
import { Loaded, Trouble } from "../ui/Trouble";

const TYPES = [
  { value: "postgres", text: "PostgreSQL" },
  { value: "mysql", text: "MySQL" },
  { value: "redis", text: "Redis" },
  { value: "mongo", text: "MongoDB" },
];

export function DatabasesPage() {
  const databases = useQuery(q.databases());
  const servers = useQuery(q.servers());
  const [params, setParams] = useSearchParams();
  const [gone, setGone] = useState<Database | null>(null);
  const [url, setUrl] = useState<Database | null>(null);
  const enqueue = useEnqueue();
  const toasts = useToasts();
  const navigate = useNavigate();
  const close = () => setParams({}, { replace: true });
  const act = (db: Database, verb: string) =>
    void enqueue(path`/apps/${db.name}/${verb}`, `${verb} ${db.name}`, { query: { server: db.server_name } }).catch(
      toasts.fail,
    );
  const button = (
    <Button kind="pri" icon="plus" onClick={() => setParams({ new: "" })}>
      New database
    </Button>
  );
  return (
    <div className="wrap">
      <Head title="Databases" count={databases.data?.length} acts={button} />
      <Loaded query={databases} what="The list of databases">
        {(rows) =>
          rows.length === 0 ? (
            <section className="card">
              <Empty
                icon="db"
                title="No database yet"
                text="One is a container with a volume and a generated password, reachable for your apps by its name."
                action={button}
                command="infrakt db create main --server prod-1 --type postgres"
              />
            </section>
          ) : (
            <section className="card sect">
              <Table
                label="databases"
                heads={[
                  { text: "State" },
                  { text: "Name" },
                  { text: "Type" },
                  { text: "Server" },
                  { text: "For apps" },
                  { text: "On the server", className: "hide-m" },
                  { text: "Actions", hidden: true },
                ]}
              >
                <tbody role="rowgroup">
                  {rows.map((db) => (
                    <tr role="row" key={db.id}>
                      <td role="cell" className="fit cs">
                        <SignWord sign={appSign(db.status)} />
                      </td>
                      <td role="cell" className="ct">
                        <span className="t">{db.name}</span>
                      </td>
                      <td role="cell" className="nw ci">
                        <span className="cv">{db.image ?? db.db_type}</span>
                      </td>
                      <td role="cell" className="nw ci">
                        <span className="cv">{db.server_name}</span>
                      </td>
                      <td role="cell" className="nw ci">
                        <code className="cv">
                          {db.name}:{db.port}
                        </code>
                      </td>
                      <td role="cell" className={`nw hide-m ${db.host_port == null ? "hide-p" : "ci"}`}>
                        <code className="cv">{db.host_port == null ? "" : `127.0.0.1:${db.host_port}`}</code>
                      </td>
                      <td role="cell" className="act">
                        <Button small onClick={() => setUrl(db)}>
                          Connect
                        </Button>{" "}
                        <Menu
                          label={`actions for ${db.name}`}
                          small
                          ghost
                          actions={[
                            { text: "Restart", icon: "retry", onSelect: () => act(db, "restart") },
                            db.status === "stopped"
                              ? { text: "Start", icon: "dot", onSelect: () => act(db, "start") }
                              : { text: "Stop", icon: "sq", onSelect: () => act(db, "stop") },
                            null,
                            { text: "Destroy…", icon: "trash", danger: true, onSelect: () => setGone(db) },
                          ]}
                        />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </Table>
            </section>
          )
        }
      </Loaded>
      {params.has("new") && servers.data !== undefined && <NewDatabase servers={servers.data} onClose={close} />}
      {url !== null && <Connect db={url} onClose={() => setUrl(null)} />}
      {gone !== null && (
        <Destroy
          title={`Destroy ${gone.name} on ${gone.server_name}?`}
          name={gone.name}
          verb={`Destroy ${gone.name}`}
          goes={["its container and folder", "every app that uses it loses its connection"]}
          stays={["its volume with the data, and the password that opens it", "the records of its jobs"]}
          extra="Destroy the volume too, with all data in it. There is no copy."
          command={(volumes) => `infrakt db destroy ${word(gone.name)}${volumes ? " --volumes" : ""}`}
          act={async (volumes) => {
            const done = await enqueue(path`/databases/${gone.name}`, `destroy ${gone.name}`, {
              method: "DELETE",
              query: { server: gone.server_name, ...(volumes ? { volumes: true } : {}) },
            });
            if (done.job_id !== undefined) void navigate(`/jobs/${done.job_id}`);
          }}
          onClose={() => setGone(null)}
        />
      )}
    </div>
  );
}

function NewDatabase({ servers, onClose }: { servers: Server[]; onClose: () => void }) {
  const [values, set, forget] = useDraft(
    { name: "", server_name: servers[0]?.name ?? "", db_type: "postgres", version: "" },
    "database",
  );
  const [made, setMade] = useState<DatabaseCreated | null>(null);
  const client = useQueryClient();
  const navigate = useNavigate();
  const form = useSubmit(async () => {
    const { version, ...body } = values;
    const done = await call<DatabaseCreated>("/databases", {
      method: "POST",
      body: version === "" ? body : { ...body, version },
    });
    forget();
    void client.invalidateQueries({ queryKey: ["databases"] });
    void client.invalidateQueries({ queryKey: ["jobs"] });
    setMade(done);
  });
  if (made !== null) {
    return (
      <Dialog title={`${values.name} is being made`} onClose={onClose}>
        <div className="body">
          <p className="soft">{made.message}</p>
          {made.password !== undefined && (
            <div className="field">
              <span className="lbl">Its password</span>
              <Secret text={made.password} />
              <span className="hint">It is kept sealed in this home; Connect shows it again.</span>
            </div>
          )}
        </div>
        <footer>
          <Button onClick={onClose}>Close</Button>
          <Button kind="pri" onClick={() => void navigate(`/jobs/${made.job_id}`)}>
            Follow #{made.job_id}
          </Button>
        </footer>
      </Dialog>
    );
  }
  return (
    <Dialog title="New database" onClose={onClose}>
      {servers.length === 0 ? (
        <Empty
          icon="server"
          title="It needs a server first"
          text="Add one, provision it, then come back."
          command="infrakt server add prod-1 --host 203.0.113.10"
        />
      ) : (
        <form onSubmit={form.onSubmit} noValidate>
          <div className="body">
            <div className="pair">
              <Field
                label="Name"
                value={values.name}
                onChange={(v) => set("name", v)}
                error={form.bad("name")}
                placeholder="main"
                autoFocus
              />
              <Field
                label="Server"
                value={values.server_name}
                onChange={(v) => set("server_name", v)}
                error={form.bad("server_name")}
                options={servers.map((one) => ({ value: one.name, text: one.name }))}
              />
              <Field
                label="Type"
                value={values.db_type}
                onChange={(v) => set("db_type", v)}
                error={form.bad("db_type")}
                options={TYPES}
              />
              <Field
                label="Version"
                optional
                mono
                value={values.version}
                onChange={(v) => set("version", v)}
                error={form.bad("version")}
                placeholder="17"
              />
            </div>
            <FormError error={form.error} />
            <Command
              text={`infrakt db create ${word(values.name || "main")} --server ${word(values.server_name)} --type ${values.db_type}${values.version === "" ? "" : ` --version ${word(values.version)}`}`}
            />
          </div>
          <footer>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" kind="pri" busy={form.busy}>
              Create database
            </Button>
          </footer>
        </form>
      )}
    </Dialog>
  );
}

function Secret({ text }: { text: string }) {
  const [shown, setShown] = useState(false);
  return (
    <div className="cmd">
      <span className="grow mono tr">{shown ? text : "••••••••••••"}</span>
      <button type="button" className="cp px-2 text-[12px]" onClick={() => setShown((was) => !was)}>
        {shown ? "hide" : "reveal"}
      </button>
      <Copy text={text} what="secret" />
    </div>
  );
}

function Connect({ db, onClose }: { db: Database; onClose: () => void }) {
  const query = useQuery(q.credentials(db.server_name, db.name));
  return (
    <Dialog title={`Connect to ${db.name}`} onClose={onClose}>
      <div className="body">
        {query.isError && <Trouble error={query.error} what="The credentials" again={() => void query.refetch()} />}
        {query.isPending && <Skeleton rows={3} />}
        {query.data !== undefined && (
          <>
            <div className="field">
              <span className="lbl">For apps on {db.server_name}</span>
              <Secret text={query.data.url} />
            </div>
            <dl className="kv p-0!">
              <dt>host</dt>
              <dd>
                <code>
                  {query.data.host}:{query.data.port}
                </code>
              </dd>
              {query.data.user != null && (
                <>
                  <dt>user</dt>
                  <dd>
                    <code>{query.data.user}</code>
                  </dd>
                </>
              )}
              {query.data.database != null && (
                <>
                  <dt>database</dt>
                  <dd>
                    <code>{query.data.database}</code>
                  </dd>
                </>
              )}
            </dl>
          </>
        )}
        <Note icon="info" lead="From elsewhere:">
          it is bound to the server's loopback{db.host_port == null ? "" : `, port ${db.host_port}`}; go through SSH.
        </Note>
        <Command text={`infrakt db url ${word(db.name)}`} />
      </div>
      <footer>
        <Button onClick={onClose}>Close</Button>
      </footer>
    </Dialog>
  );
}
