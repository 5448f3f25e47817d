// One app: how it does, what it says, what was deployed, its variables, its settings.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, NavLink, useNavigate, useParams } from "react-router";
import { path } from "../api/call";
import { q } from "../api/queries";
import type { App, AppDetails, Job } from "../api/types";
import { source, version } from "../dashboard/DashboardPage";
import { appPath } from "../frame/palette-items";
import { useEnqueue } from "../jobs/actions";
import { NowOrWhy } from "../jobs/JobBits";
import { Dialog } from "../ui/Dialog";
import { Field, FormError, useDraft, useSubmit } from "../ui/Form";
import { webAddress, word } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Menu } from "../ui/Menu";
import { Ago, Button, Command, Empty, Head, LinkButton, Note, SignWord, Table } from "../ui/pieces";
import { appSign, containerSign, jobSign } from "../ui/sign";
import { useToasts } from "../ui/Toasts";
import { Loaded, sentence } from "../ui/Trouble";
import { AppLogs } from "./AppLogs";
import { AppSettings } from "./AppSettings";
import { Deployments, DeploymentTable } from "./Deployments";
import { Env } from "./Env";

const TABS = [
  ["", "Overview"],
  ["logs", "Logs"],
  ["deployments", "Deployments"],
  ["env", "Environment"],
  ["settings", "Settings"],
] as const;

export function AppPage() {
  const { server = "", name = "", tab = "" } = useParams();
  const query = useQuery(q.app(server, name));
  const alive = useQuery(q.alive());
  if (query.data === undefined) {
    return (
      <div className="wrap">
        <Head title={name} crumbs={<Link to="/apps">Apps</Link>} />
        <Loaded query={query} what="The app">
          {() => null}
        </Loaded>
      </div>
    );
  }
  const app = query.data;
  const jobs = (alive.data ?? []).filter((job) => job.app_name === app.name && job.server_name === app.server_name);
  return (
    <div className="wrap">
      <AppHead app={app} jobs={jobs} />
      <nav className="tabs" aria-label={app.name}>
        {TABS.map(([to, text]) => (
          <NavLink key={to} to={appPath(app, to)} end>
            {text}
          </NavLink>
        ))}
      </nav>
      {jobs[0] !== undefined && (
        <Note
          tone={jobs[0].state === "attention" ? "attn" : jobs[0].state === "running" ? "run" : ""}
          icon={jobs[0].state === "attention" ? "diamond" : jobs[0].state === "running" ? "ring" : "clock"}
          lead={`${jobs[0].title}: ${jobSign(jobs[0]).word}`}
          acts={
            <LinkButton small to={`/jobs/${jobs[0].id}`}>
              {jobs[0].state === "attention" ? "Answer" : `Follow #${jobs[0].id}`}
            </LinkButton>
          }
        >
          <NowOrWhy job={jobs[0]} jobs={alive.data ?? []} />
        </Note>
      )}
      {query.isError && (
        <Note tone="fail" icon="xc" lead="This may be old:">
          the last look at it failed.
        </Note>
      )}
      {tab === "" && <Overview app={app} />}
      {tab === "logs" && <AppLogs key={`${server}/${name}`} app={app} />}
      {tab === "deployments" && <Deployments app={app} />}
      {tab === "env" && <Env app={app} />}
      {tab === "settings" && <AppSettings app={app} />}
    </div>
  );
}

function AppHead({ app, jobs }: { app: AppDetails; jobs: Job[] }) {
  const [other, setOther] = useState(false);
  const enqueue = useEnqueue();
  const toasts = useToasts();
  const navigate = useNavigate();
  const act = (verb: string) =>
    void enqueue(path`/apps/${app.name}/${verb}`, `${verb} ${app.name}`, { query: { server: app.server_name } }).catch(
      toasts.fail,
    );
  const push = () =>
    void enqueue(path`/apps/${app.name}/env/push`, `env push ${app.name}`, {
      query: { server: app.server_name },
    }).catch(toasts.fail);
  const deploying = jobs.some((job) => job.kind === "deploy" && job.state === "running");
  const serving = app.deployments?.find((one) => one.id === app.current_deployment_id);
  return (
    <>
      <Head
        title={app.name}
        crumbs={
          <>
            <Link to="/apps">Apps</Link>
            <span>/</span>
            <Link to={`/servers/${encodeURIComponent(app.server_name)}`}>{app.server_name}</Link>
          </>
        }
        sign={<SignWord sign={appSign(deploying ? "deploying" : app.status)} pill />}
        extra={
          app.domain != null && (
            <a className="link row gap-1" href={webAddress(app.domain)} target="_blank" rel="noreferrer">
              {app.domain}
              <Icon name="ext" />
            </a>
          )
        }
        meta={
          serving === undefined ? (
            <span>{app.current_deployment_id == null ? "never deployed" : source(app)}</span>
          ) : (
            <>
              <span>
                runs&nbsp;<code>{version(serving)}</code>&nbsp;{serving.commit_subject}
              </span>
              <span>
                deployed <Ago time={serving.finished_at ?? serving.started_at} />
              </span>
            </>
          )
        }
        acts={
          <>
            <Button kind="pri" onClick={() => act("deploy")}>
              Deploy
            </Button>
            <Button onClick={() => act("restart")}>Restart</Button>
            <Menu
              label="more actions"
              actions={[
                ...(app.git_repo != null
                  ? [{ text: "Deploy another version…", icon: "git" as const, onSelect: () => setOther(true) }]
                  : []),
                { text: "Start", icon: "dot", disabled: app.status === "running", onSelect: () => act("start") },
                { text: "Stop", icon: "sq", disabled: app.status === "stopped", onSelect: () => act("stop") },
                { text: "Push environment and restart", icon: "key", onSelect: () => push() },
                null,
                {
                  text: "Destroy…",
                  icon: "trash",
                  danger: true,
                  onSelect: () => void navigate(appPath(app, "settings")),
                },
              ]}
            />
          </>
        }
      />
      {other && <DeployOther app={app} onClose={() => setOther(false)} />}
    </>
  );
}

function DeployOther({ app, onClose }: { app: App; onClose: () => void }) {
  const [values, set] = useDraft({ what: "branch", value: app.branch });
  const enqueue = useEnqueue();
  const form = useSubmit(async () => {
    await enqueue(path`/apps/${app.name}/deploy`, `deploy ${app.name}`, {
      query: { server: app.server_name },
      body: { [values.what]: values.value },
    });
    onClose();
  });
  return (
    <Dialog title={`Deploy another version of ${app.name}`} onClose={onClose}>
      <form onSubmit={form.onSubmit}>
        <div className="body">
          <p className="soft text-[13px]">This deployment only; the next one takes {app.branch} again.</p>
          <div className="pair">
            <Field
              label="What"
              value={values.what}
              onChange={(v) => set("what", v)}
              options={[
                { value: "branch", text: "a branch or tag" },
                { value: "commit", text: "a commit" },
              ]}
            />
            <Field
              label="Name"
              mono
              value={values.value}
              onChange={(v) => set("value", v)}
              error={form.bad("branch", "commit")}
              autoFocus
            />
          </div>
          <FormError error={form.error} />
          <Command text={`infrakt app deploy ${word(app.name)} --${values.what} ${word(values.value || "main")}`} />
        </div>
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="pri" busy={form.busy}>
            Deploy
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function Containers({ app }: { app: AppDetails }) {
  const query = useQuery(q.containers(app.server_name, app.name));
  const unseen = query.data?.containers_error;
  return (
    <section className="sect">
      <header>
        <h2>Containers</h2>
        <span className="cnt">{query.data?.containers?.length ?? ""}</span>
        <span className="end">
          <Button
            small
            kind="ghost"
            icon="retry"
            aria-label="look again"
            title="look again"
            busy={query.isFetching}
            onClick={() => void query.refetch()}
          />
        </span>
      </header>
      <Loaded query={query} what="The containers" rows={2}>
        {({ containers }) =>
          containers == null ? (
            <Note tone="fail" icon="unlink" lead="The containers could not be seen.">
              {sentence(unseen ?? `${app.server_name} was not asked`)} What runs there may well go on running.
            </Note>
          ) : (
            <div className="card">
              {containers.length === 0 ? (
                <Empty
                  icon="app"
                  title="No container"
                  text={app.current_deployment_id == null ? "It was never deployed." : "None is there now."}
                  command={`infrakt app deploy ${word(app.name)} --wait`}
                />
              ) : (
                <ContainerTable rows={containers} />
              )}
            </div>
          )
        }
      </Loaded>
    </section>
  );
}

function ContainerTable({ rows }: { rows: NonNullable<AppDetails["containers"]> }) {
  return (
    <Table
      label="containers"
      heads={[
        { text: "State" },
        { text: "Service" },
        { text: "Image" },
        { text: "Since" },
        { text: "Restarts", className: "num" },
      ]}
    >
      <tbody role="rowgroup">
        {rows.map((one) => (
          <tr role="row" key={one.id}>
            <td role="cell" className="fit cs">
              <SignWord
                sign={containerSign(one.state, one.health)}
                extra={one.state === "exited" ? ` with ${one.exit_code}` : ""}
              />
            </td>
            <td role="cell" className="ct nw">
              <span className="t">{one.service}</span> <span className="id">{one.name}</span>
            </td>
            <td role="cell" className="max">
              <code className="soft tr block" title={one.image}>
                {one.image}
              </code>
            </td>
            <td role="cell" className="soft nw ci">
              <span className="cv">
                <Ago time={one.started_at} plain />
              </span>
            </td>
            <td role="cell" data-l="restarts" className="num ci lb">
              <span className="cv">{one.restarts}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

function Overview({ app }: { app: AppDetails }) {
  return (
    <div className="cols">
      <div>
        <Containers app={app} />
        <section className="sect">
          <header>
            <h2>Last deployments</h2>
            <span className="end">
              <Link className="link" to={appPath(app, "deployments")}>
                All
              </Link>
            </span>
          </header>
          <div className="card">
            {(app.deployments ?? []).length === 0 ? (
              <Empty
                icon="up"
                title="Not deployed yet"
                text="Deploy puts what is wanted on its server."
                command={`infrakt app deploy ${word(app.name)} --wait`}
              />
            ) : (
              <DeploymentTable app={app} rows={(app.deployments ?? []).slice(0, 5)} />
            )}
          </div>
        </section>
      </div>
      <div className="duo">
        <section className="sect">
          <header>
            <h2>Address</h2>
          </header>
          <dl className="card kv">
            <dt>routes</dt>
            <dd>
              {app.domains.length === 0 && <span className="muted">none</span>}
              {app.domains.map((domain) => (
                <a key={domain} className="link block" href={webAddress(domain)} target="_blank" rel="noreferrer">
                  {domain}
                </a>
              ))}
            </dd>
            <dt>port</dt>
            <dd>
              <code>{app.port}</code> in the container
              {app.host_port != null && (
                <>
                  , <code>127.0.0.1:{app.host_port}</code> on {app.server_name}
                </>
              )}
            </dd>
            {app.publish != null && (
              <>
                <dt>published</dt>
                <dd>
                  <code>{app.publish}</code>
                </dd>
              </>
            )}
            <dt>for other apps</dt>
            <dd>
              <code>{app.name}.infrakt</code>
            </dd>
            <dt>health</dt>
            <dd>{app.health_path == null ? "the port answers" : <code>{app.health_path}</code>}</dd>
          </dl>
        </section>
        <section className="sect">
          <header>
            <h2>Source</h2>
          </header>
          <dl className="card kv">
            <dt>from</dt>
            <dd>
              <code>{source(app)}</code>
            </dd>
            {app.git_repo != null && (
              <>
                <dt>branch</dt>
                <dd>
                  <code>{app.branch}</code>
                </dd>
              </>
            )}
            <dt>limits</dt>
            <dd>
              {[app.memory, app.cpus != null ? `${app.cpus} CPUs` : null].filter(Boolean).join(", ") || (
                <span className="muted">none</span>
              )}
            </dd>
          </dl>
        </section>
        <section className="sect">
          <header>
            <h2>In a terminal</h2>
          </header>
          <div className="grid gap-2">
            <Command text={`infrakt app deploy ${word(app.name)} --wait`} />
            <Command text={`infrakt app logs ${word(app.name)} -f`} />
          </div>
        </section>
      </div>
    </div>
  );
}
