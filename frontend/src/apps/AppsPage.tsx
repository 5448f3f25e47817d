// All apps.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearchParams } from "react-router";
import { path } from "../api/call";
import { q } from "../api/queries";
import type { App, Job } from "../api/types";
import { source } from "../dashboard/DashboardPage";
import { appPath } from "../frame/palette-items";
import { useEnqueue } from "../jobs/actions";
import { JobLink } from "../jobs/JobBits";
import { Dialog } from "../ui/Dialog";
import { Finder, isLong, LongBody, type RowProps } from "../ui/Long";
import { Menu } from "../ui/Menu";
import { Ago, Button, Empty, Head, SignIcon, SignWord, Table } from "../ui/pieces";
import { appSign, jobSign } from "../ui/sign";
import { useToasts } from "../ui/Toasts";
import { Loaded } from "../ui/Trouble";
import { AppForm } from "./AppForm";

export function AppsPage() {
  const apps = useQuery(q.apps());
  const servers = useQuery(q.servers());
  const alive = useQuery(q.alive());
  const [params, setParams] = useSearchParams();
  const navigate = useNavigate();
  const close = () => setParams({}, { replace: true });
  return (
    <div className="wrap">
      <Head
        title="Apps"
        count={apps.data?.length}
        acts={
          <Button kind="pri" icon="plus" onClick={() => setParams({ new: "" })}>
            New app
          </Button>
        }
      />
      <Loaded query={apps} what="The list of apps">
        {(rows) =>
          rows.length === 0 ? (
            <section className="card">
              <Empty
                icon="app"
                title="No app yet"
                text="Something deployed on one server: from git, from an image or from a compose file."
                action={
                  <Button kind="pri" onClick={() => setParams({ new: "" })}>
                    New app
                  </Button>
                }
                command="infrakt app create web --server prod-1 --git https://…"
              />
            </section>
          ) : (
            <Finder rows={rows} what="an app" text={appText}>
              {(found) => (
                <section className="card sect">
                  <Table
                    label="apps"
                    className={isLong(found.length) ? "long apps" : ""}
                    count={isLong(found.length) ? found.length + 1 : undefined}
                    heads={[
                      { text: "State" },
                      { text: "App" },
                      { text: "Server" },
                      { text: "Domain" },
                      { text: "Now" },
                      { text: "From", className: "hide-m" },
                      { text: "Actions", hidden: true },
                    ]}
                  >
                    <LongBody rows={found} columns={7}>
                      {(app, props) => (
                        <Row
                          key={app.id}
                          app={app}
                          job={alive.data?.find(
                            (one) => one.app_name === app.name && one.server_name === app.server_name,
                          )}
                          props={props}
                        />
                      )}
                    </LongBody>
                  </Table>
                </section>
              )}
            </Finder>
          )
        }
      </Loaded>
      {params.has("new") && servers.data !== undefined && (
        <Dialog title="New app" onClose={close} wide>
          <div className="body pb-5">
            {servers.data.length === 0 ? (
              <Empty
                icon="server"
                title="It needs a server first"
                text="Add one, provision it, then come back."
                command="infrakt server add prod-1 --host 203.0.113.10"
              />
            ) : (
              <AppForm
                servers={servers.data}
                {...(params.get("server") === null ? {} : { server: params.get("server") ?? "" })}
                onClose={close}
                onDone={(app) => void navigate(appPath(app))}
              />
            )}
          </div>
        </Dialog>
      )}
    </div>
  );
}

const appText = (app: App) => `${app.server_name}/${app.name} ${app.domains.join(" ")} ${app.status}`;

function Row({ app, job, props }: { app: App; job: Job | undefined; props: RowProps }) {
  const navigate = useNavigate();
  const enqueue = useEnqueue();
  const toasts = useToasts();
  const act = (app: App, verb: string) =>
    void enqueue(path`/apps/${app.name}/${verb}`, `${verb} ${app.name}`, { query: { server: app.server_name } }).catch(
      toasts.fail,
    );
  return (
    <tr role="row" {...props}>
      <td role="cell" className="fit cs">
        <SignWord sign={appSign(app.status)} />
      </td>
      <td role="cell" className="ct">
        <Link className="t" to={appPath(app)}>
          {app.name}
        </Link>
      </td>
      <td role="cell" className="nw ci">
        <span className="cv">
          <Link to={`/servers/${encodeURIComponent(app.server_name)}`}>{app.server_name}</Link>
        </span>
      </td>
      <td role="cell" className="nw ci">
        <span className="cv">
          {app.domain == null ? <span className="muted">no route</span> : <span className="tr">{app.domain}</span>}
          {app.domains.length > 1 && <span className="muted"> and {app.domains.length - 1} more</span>}
        </span>
      </td>
      <td role="cell" className="soft nw ci">
        <span className="cv">
          {job === undefined ? (
            <>
              changed <Ago time={app.updated_at} />
            </>
          ) : (
            <span className="row">
              <SignIcon sign={jobSign(job)} /> <JobLink id={job.id} title={job.title} />
            </span>
          )}
        </span>
      </td>
      <td role="cell" className="max hide-m hide-p">
        <code className="tr soft block" title={source(app)}>
          {source(app)}
        </code>
      </td>
      <td role="cell" className="act">
        <Menu
          label={`actions for ${app.name}`}
          small
          ghost
          actions={[
            { text: "Deploy", icon: "up", onSelect: () => act(app, "deploy") },
            { text: "Restart", icon: "retry", onSelect: () => act(app, "restart") },
            app.status === "stopped"
              ? { text: "Start", icon: "dot", onSelect: () => act(app, "start") }
              : { text: "Stop", icon: "sq", onSelect: () => act(app, "stop") },
            null,
            { text: "Logs", icon: "term", onSelect: () => void navigate(appPath(app, "logs")) },
            {
              text: "Destroy…",
              icon: "trash",
              danger: true,
              onSelect: () => void navigate(appPath(app, "settings")),
            },
          ]}
        />
      </td>
    </tr>
  );
}
