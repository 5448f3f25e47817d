// One server: its lane, how it does, what runs there, its routes, its key.
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link, Navigate, useNavigate, useParams } from "react-router";
import { call, path } from "../api/call";
import { q } from "../api/queries";
import type { components } from "../api/schema";
import type { HostKey, Job, Message, Server, ServerStatus } from "../api/types";
import { appPath } from "../frame/palette-items";
import { useEnqueue, useJobActions } from "../jobs/actions";
import { JobLink, jobTime, NowOrWhy } from "../jobs/JobBits";
import { rank } from "../jobs/lanes";
import { Destroy, Dialog } from "../ui/Dialog";
import { age, count, duration, shortFingerprint, span, word } from "../ui/format";
import { Menu } from "../ui/Menu";
import {
  Ago,
  Button,
  Command,
  Copy,
  Empty,
  Head,
  LinkButton,
  Note,
  SignIcon,
  SignWord,
  Skeleton,
  StepsBar,
  Table,
  useNow,
  Words,
} from "../ui/pieces";
import { appSign, containerSign, isOver, jobSign, serverSign } from "../ui/sign";
import { useToasts } from "../ui/Toasts";
import { explain, Loaded, sentence, Trouble } from "../ui/Trouble";
import { Gauges } from "./Gauges";
import { RouteForm, Routes } from "./Routes";
import { ServerForm } from "./ServerForm";

type Open = "edit" | "remove" | "provision" | "route" | null;

export function ServerPage() {
  const name = useParams().server ?? "";
  const servers = useQuery(q.servers());
  const [known, setKnown] = useState<{ name: string; id: number } | null>(null);
  const here = servers.data?.find((one) => one.name === name);
  if (here !== undefined && (known?.id !== here.id || known.name !== name)) setKnown({ name, id: here.id });
  // Whoever gave it another name, here or elsewhere: the page of that server stays it.
  const server = here ?? (known?.name === name ? servers.data?.find((one) => one.id === known.id) : undefined);
  if (server === undefined) {
    return (
      <div className="wrap">
        <Head title={name} crumbs={<Link to="/servers">Servers</Link>} />
        <Loaded query={servers} what="The server">
          {() => (
            <Note
              icon="info"
              lead={`There is no server ${name}.`}
              acts={
                <LinkButton small to="/servers">
                  All servers
                </LinkButton>
              }
            >
              It may have been removed.
            </Note>
          )}
        </Loaded>
      </div>
    );
  }
  return (
    <>
      {here === undefined && <Navigate to={`/servers/${encodeURIComponent(server.name)}`} replace />}
      <ServerView key={server.id} server={server} />
    </>
  );
}

function ServerView({ server }: { server: Server }) {
  const [open, setOpen] = useState<Open>(null);
  const status = useQuery(q.serverStatus(server.name));
  const alive = useQuery(q.alive());
  const apps = useQuery(q.apps());
  const jobs = (alive.data ?? []).filter((job) => job.server_name === server.name);
  const here = (apps.data ?? []).filter((app) => app.server_name === server.name);
  const navigate = useNavigate();
  const client = useQueryClient();
  const toasts = useToasts();
  const close = () => setOpen(null);
  const test = () =>
    call<components["schemas"]["Reachable"]>(path`/servers/${server.name}/test`, { method: "POST" }).then(
      (said) =>
        said.reachable
          ? toasts.say(`${server.name} answers`)
          : toasts.fail(new Error(said.detail ?? "it does not answer")),
      toasts.fail,
    );
  return (
    <div className="wrap">
      <Head
        title={server.name}
        crumbs={<Link to="/servers">Servers</Link>}
        sign={<SignWord sign={serverSign(server)} pill />}
        meta={
          <>
            <span>
              <code>
                {server.user}@{server.host}:{server.port}
              </code>
            </span>
            {server.host_key != null && (
              <span className="row">
                {server.host_key.key_type}&nbsp;
                <code title={server.host_key.fingerprint}>{shortFingerprint(server.host_key.fingerprint)}</code>
                <Copy text={server.host_key.fingerprint} what="fingerprint" />
              </span>
            )}
            {status.data?.os != null && <span>{status.data.os}</span>}
            {status.data !== undefined && <span>{status.data.uptime}</span>}
            {server.provider != null && server.provider !== "" && <span>{server.provider}</span>}
          </>
        }
        acts={
          <>
            <Button onClick={() => setOpen("provision")}>Provision</Button>
            <LinkButton kind="pri" icon="plus" to={`/apps?new&server=${encodeURIComponent(server.name)}`}>
              Add app
            </LinkButton>
            <Menu
              label="more actions"
              actions={[
                { text: "Look again", icon: "retry", onSelect: () => void status.refetch() },
                { text: "Try the connection", icon: "bolt", onSelect: () => void test() },
                { text: "Edit", icon: "pencil", onSelect: () => setOpen("edit") },
                null,
                { text: "Remove…", icon: "trash", danger: true, onSelect: () => setOpen("remove") },
              ]}
            />
          </>
        }
      />
      {server.paused && <Paused server={server} />}
      {!server.paused && server.last_error != null && (
        <Note
          tone="fail"
          icon="unlink"
          lead={`${server.name} did not answer.`}
          acts={
            <Button small onClick={() => void status.refetch()}>
              Try now
            </Button>
          }
        >
          <Words text={sentence(server.last_error)} />
        </Note>
      )}
      {status.data?.reboot_required && (
        <Note tone="retry" icon="info" lead="It asks for a reboot.">
          An update wants it. What runs comes back by itself, and jobs go on behind it.
        </Note>
      )}
      <div className="cols">
        <div>
          <Lane server={server} jobs={jobs} />
          <Containers status={status} />
          <Routes server={server} onAdd={() => setOpen("route")} />
        </div>
        <div className="duo">
          <section className="sect">
            <header>
              <h2>Now</h2>
              <span className="cnt">
                {status.data !== undefined && <Ago time={new Date(status.dataUpdatedAt).toISOString()} />}
              </span>
              <span className="end">
                <Button
                  small
                  kind="ghost"
                  icon="retry"
                  aria-label="look again"
                  title="look again"
                  busy={status.isFetching}
                  onClick={() => void status.refetch()}
                />
              </span>
            </header>
            {status.data !== undefined ? (
              <Gauges status={status.data} old={status.isError} />
            ) : status.isError ? (
              <Trouble error={status.error} what="The figures" again={() => void status.refetch()} />
            ) : (
              <Skeleton rows={3} />
            )}
          </section>
          <section className="sect">
            <header>
              <h2>Apps</h2>
              <span className="cnt">{here.length}</span>
            </header>
            <div className="card">
              {here.length === 0 && <p className="muted px-4 py-3 text-[13px]">No app is here yet.</p>}
              {here.map((app) => (
                <div key={app.id} className="row border-line px-4 py-[9px] not-first:border-t">
                  <Link className="font-medium tr" to={appPath(app)}>
                    {app.name}
                  </Link>
                  <span className="ml-auto text-[13px]">
                    <SignWord sign={appSign(app.status)} />
                  </span>
                </div>
              ))}
            </div>
          </section>
          <section className="sect">
            <header>
              <h2>In a terminal</h2>
            </header>
            <div className="grid gap-2">
              <Command text={`infrakt server status ${word(server.name)}`} />
              <Command text={`infrakt server ssh ${word(server.name)}`} />
            </div>
          </section>
        </div>
      </div>
      {open === "edit" && (
        <Dialog title={`Edit ${server.name}`} onClose={close}>
          <div className="body pb-5">
            <ServerForm server={server} onClose={close} onDone={close} />
          </div>
        </Dialog>
      )}
      {open === "provision" && <Provision server={server} onClose={close} />}
      {open === "route" && <RouteForm server={server} apps={here.map((app) => app.name)} onClose={close} />}
      {open === "remove" && (
        <Destroy
          title={`Remove ${server.name}?`}
          name={server.name}
          verb={`Remove ${server.name}`}
          goes={[
            "its record here, with its address and pinned key",
            ...(server.app_count > 0
              ? [`the records of ${count(server.app_count, "app")} and databases, with their deployments and variables`]
              : []),
          ]}
          stays={["everything on the server itself: nothing there is touched", "what runs there goes on running"]}
          command={() => `infrakt server remove ${word(server.name)}${server.app_count > 0 ? " --force" : ""}`}
          act={async () => {
            const done = await call<Message>(path`/servers/${server.name}`, {
              method: "DELETE",
              query: server.app_count > 0 ? { force: true } : {},
            });
            toasts.say(done.message);
            void navigate("/servers");
            await client.invalidateQueries();
          }}
          onClose={close}
        />
      )}
    </div>
  );
}

function Paused({ server }: { server: Server }) {
  const client = useQueryClient();
  const toasts = useToasts();
  const [shown, setShown] = useState<HostKey | null>(server.paused?.seen ?? null);
  const [busy, setBusy] = useState(false);
  const pinned = server.paused?.pinned ?? server.host_key ?? null;
  const look = () =>
    call<components["schemas"]["Fingerprint"]>(path`/servers/${server.name}/fingerprint`).then(
      (said) => setShown(said.seen),
      toasts.fail,
    );
  const trust = () => {
    if (shown === null) return;
    setBusy(true);
    call<unknown>(path`/servers/${server.name}/trust`, { method: "POST", body: { fingerprint: shown.fingerprint } })
      .then(() => {
        toasts.say(`The key of ${server.name} is pinned; its lane goes on`);
        return client.invalidateQueries();
      })
      .catch(toasts.fail)
      .finally(() => setBusy(false));
  };
  if (server.paused?.why === "by_hand") {
    return (
      <Note tone="attn" icon="pause" lead="Its lane is paused.">
        By {server.paused.by}, <Ago time={server.paused.since} />.
      </Note>
    );
  }
  return (
    <section className="card sect">
      <div className="why attn rounded-card">
        <h2>Is this still your server?</h2>
        <p>
          It shows another host key than the pinned one since <Ago time={server.paused?.since} />. A rebuilt server has
          a new key; so has someone in between. Compare it with what the server's own console says:{" "}
          <code>ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub</code>
        </p>
        <dl className="kv px-0!">
          <dt>pinned</dt>
          <dd>
            {pinned?.key_type} <code>{pinned?.fingerprint ?? "none"}</code>
          </dd>
          <dt>shown</dt>
          <dd>
            {shown?.key_type} <code>{shown?.fingerprint ?? "not looked at"}</code>
          </dd>
        </dl>
        <ul className="answers">
          <li className="answer">
            <Button busy={busy} disabled={shown === null} onClick={trust}>
              Trust the new key
            </Button>
            <p>Pins the shown one; the lane goes on.</p>
            <Command text={`infrakt server trust ${word(server.name)}`} />
          </li>
          <li className="answer">
            <Button onClick={() => void look()}>Look again</Button>
            <p>Connects once more and shows the key it meets. Nothing is changed.</p>
          </li>
        </ul>
      </div>
    </section>
  );
}

function Lane({ server, jobs }: { server: Server; jobs: Job[] }) {
  const recent = useInfiniteQuery(q.jobs({ server: server.name }));
  const actions = useJobActions();
  const now = useNow(jobs.some((job) => job.state === "running"));
  const holding = jobs.filter((job) => rank(job) < 2);
  const next = jobs.filter((job) => rank(job) >= 2).sort((a, b) => a.id - b.id);
  const ended = (recent.data?.pages ?? [])
    .flatMap((page) => page.items)
    .filter((job) => isOver(job.state))
    .slice(0, 5);
  const row = (job: Job, acts: ReactNode) => {
    const time = jobTime(job, now);
    const middle =
      job.state === "running" ? (
        <StepsBar steps={job.steps} />
      ) : isOver(job.state) && job.started_at != null && time !== null ? (
        `took ${duration(time)}`
      ) : null;
    return (
      <div className="item" key={job.id}>
        <SignIcon sign={jobSign(job)} />
        <div className={middle === null ? "phone:col-span-2" : ""}>
          <JobLink id={job.id} title={job.title} />{" "}
          <span className="soft">
            <NowOrWhy job={job} jobs={jobs} bar={false} />
          </span>
        </div>
        {middle !== null && <span className="sg soft r nw">{middle}</span>}
        <span className="soft nw r">
          {isOver(job.state) ? (
            <Ago time={job.finished_at} />
          ) : time === null ? (
            ""
          ) : job.state === "running" ? (
            span(time)
          ) : (
            age(time, 0)
          )}
        </span>
        <div className="acts row justify-end">{acts}</div>
      </div>
    );
  };
  const cancel = (job: Job) => (
    <Button small kind="ghost" disabled={job.state === "cancelling"} onClick={() => void actions.cancel(job)}>
      Cancel
    </Button>
  );
  return (
    <section className="sect">
      <header>
        <h2>Lane</h2>
        <span className="cnt">one job at a time on this server</span>
      </header>
      <div className="card lane">
        {holding.length > 0 && <div className="lab">Now</div>}
        {holding.map((job) =>
          row(
            job,
            job.state === "attention" ? (
              <LinkButton small to={`/jobs/${job.id}`}>
                Answer
              </LinkButton>
            ) : (
              cancel(job)
            ),
          ),
        )}
        {next.length > 0 && (
          <div className="lab">
            Next <span>{next.length}</span>
          </div>
        )}
        {next.map((job, i) =>
          row(
            job,
            <>
              {i > 0 && (
                <Button small kind="ghost" onClick={() => void actions.bump(job)}>
                  Run next
                </Button>
              )}
              {cancel(job)}
            </>,
          ),
        )}
        {ended.length > 0 && <div className="lab">Recent</div>}
        {ended.map((job) => row(job, null))}
        {jobs.length === 0 && ended.length === 0 && (
          <Empty
            icon="jobs"
            title="Nothing was done here yet"
            text="Provision it: Docker, Caddy and the firewall in eight steps."
            command={`infrakt server provision ${word(server.name)}`}
          />
        )}
      </div>
    </section>
  );
}

function Containers({
  status,
}: {
  status: ReturnType<typeof useQuery<ServerStatus>> | { data?: ServerStatus | undefined; isError: boolean };
}) {
  const rows = status.data?.containers;
  if (rows === undefined) return null;
  return (
    <section className={`sect ${status.isError ? "is-old" : ""}`}>
      <header>
        <h2>Containers</h2>
        <span className="cnt">{rows.length}</span>
      </header>
      <div className="card">
        {rows.length === 0 ? (
          <p className="muted px-4 py-3 text-[13px]">None runs here.</p>
        ) : (
          <Table
            label="containers"
            heads={[{ text: "State" }, { text: "Container" }, { text: "App" }, { text: "Image" }]}
          >
            <tbody role="rowgroup">
              {rows.map((one) => (
                <tr role="row" key={one.id}>
                  <td role="cell" className="fit cs" title={one.status}>
                    <SignWord sign={containerSign(one.state)} />
                  </td>
                  <td role="cell" className="ct">
                    <span className="t">{one.name}</span> <span className="muted small">{one.status}</span>
                  </td>
                  <td role="cell" data-l="app" className="nw ci">
                    <span className="cv">{one.app ?? ""}</span>
                  </td>
                  <td role="cell" className="max">
                    <code className="tr soft block" title={one.image}>
                      {one.image}
                    </code>
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
        )}
      </div>
    </section>
  );
}

function Provision({ server, onClose }: { server: Server; onClose: () => void }) {
  const [upgrade, setUpgrade] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const enqueue = useEnqueue();
  const navigate = useNavigate();
  const start = () => {
    setBusy(true);
    enqueue(
      path`/servers/${server.name}/provision`,
      `provision ${server.name}`,
      upgrade ? { body: { upgrade: true } } : {},
    )
      .then((done) => navigate(`/jobs/${done.job_id}`))
      .catch(setError)
      .finally(() => setBusy(false));
  };
  return (
    <Dialog title={`Provision ${server.name}`} onClose={onClose}>
      <div className="body">
        <p className="soft">
          Eight steps, each skipped where it is so already: package lists, Docker, Caddy, fail2ban, firewall, folders,
          the Caddyfile, its import.
        </p>
        <div className="gone">
          <p className="strong">Not touched</p>
          <p className="soft">
            What is installed, running containers and their volumes. The firewall keeps the port of this connection
            open, and undoes itself when a fresh connection fails.
          </p>
        </div>
        <label className="check">
          <input type="checkbox" checked={upgrade} onChange={(event) => setUpgrade(event.target.checked)} />
          <span>Also upgrade what is installed</span>
        </label>
        {error !== null && (
          <Note tone="fail" icon="xc" role="alert" lead="It was not done.">
            {explain(error)}
          </Note>
        )}
        <Command text={`infrakt server provision ${word(server.name)}${upgrade ? " --upgrade" : ""}`} />
      </div>
      <footer>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="pri" busy={busy} onClick={start}>
          Provision
        </Button>
      </footer>
    </Dialog>
  );
}
