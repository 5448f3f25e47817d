// What needs a person first, then what runs, then apps, then news. A new home shows the way instead.
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { q } from "../api/queries";
import type { App, Deployment, Job, Server } from "../api/types";
import { appPath } from "../frame/palette-items";
import { JobLink, jobTime, Why } from "../jobs/JobBits";
import { laneWords } from "../jobs/lanes";
import { duration, ms, short } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Ago, currentStep, Empty, Head, LinkButton, SignIcon, SignWord, StepsBar, useNow, Words } from "../ui/pieces";
import { appSign, deploymentSign, jobSign, serverSign } from "../ui/sign";
import { Loaded } from "../ui/Trouble";
import { FirstRun } from "./FirstRun";

/** Failures older than this are history. */
const RECENT_MS = 24 * 3_600_000;

/** So many of a kind are shown here; the rest is behind a link. */
const SHOWN = 12;

/** The first few: of lowest rank, else as they were. */
function first<T>(rows: T[], rank: (row: T) => number): T[] {
  return rows.length <= SHOWN ? rows : [...rows].sort((a, b) => rank(a) - rank(b)).slice(0, SHOWN);
}

function serverRank(server: Server, jobs: Job[]): number {
  if (server.paused || serverSign(server).word === "unreachable") return 0;
  return jobs.some((job) => job.server_name === server.name) ? 1 : 2;
}

export function DashboardPage() {
  const servers = useQuery(q.servers());
  const apps = useQuery(q.apps());
  const alive = useQuery(q.alive());
  const dashboard = useQuery(q.dashboard());
  const jobs = alive.data ?? [];
  if (servers.data !== undefined && apps.data !== undefined && (servers.data.length === 0 || apps.data.length === 0)) {
    return <FirstRun servers={servers.data} apps={apps.data} />;
  }
  return (
    <div className="wrap">
      <Head
        title="Dashboard"
        acts={
          <>
            <LinkButton icon="plus" to="/servers?new">
              Add server
            </LinkButton>
            <LinkButton kind="pri" icon="plus" to="/apps?new">
              New app
            </LinkButton>
          </>
        }
      />
      <div className="cols">
        <div>
          <LookHere jobs={jobs} servers={servers.data ?? []} deployments={dashboard.data?.recent_deployments ?? []} />
          <RunningNow jobs={jobs} />
          <section className="sect">
            <header>
              <h2>Apps</h2>
              {apps.data !== undefined && <span className="cnt">{apps.data.length}</span>}
              <span className="end">
                <Link className="link" to="/apps">
                  All apps
                </Link>
              </span>
            </header>
            <Loaded query={apps} what="The list of apps">
              {(rows) => (
                <div className="tiles">
                  {rows.slice(0, 11).map((app) => (
                    <Tile
                      key={app.id}
                      app={app}
                      job={jobs.find((job) => job.app_name === app.name && job.server_name === app.server_name)}
                      serving={dashboard.data?.recent_deployments.find((one) => one.id === app.current_deployment_id)}
                    />
                  ))}
                  <Link className="card tile new" to="/apps?new">
                    <Icon name="plus" /> New app
                  </Link>
                </div>
              )}
            </Loaded>
          </section>
        </div>
        <div className="duo">
          <section className="sect">
            <header>
              <h2>Recent deployments</h2>
              <span className="end">
                <Link className="link" to="/jobs?state=ended">
                  All
                </Link>
              </span>
            </header>
            <Loaded query={dashboard} what="The news">
              {(data) =>
                data.recent_deployments.length === 0 ? (
                  <div className="card">
                    <Empty
                      icon="up"
                      title="Nothing deployed yet"
                      text="Each deployment stands here as news."
                      command="infrakt app deploy web"
                    />
                  </div>
                ) : (
                  <ul className="card news">
                    {data.recent_deployments.map((one) => (
                      <News key={one.id} one={one} job={jobs.find((job) => job.id === one.job_id)} />
                    ))}
                  </ul>
                )
              }
            </Loaded>
          </section>
          <section className="sect">
            <header>
              <h2>Servers</h2>
              {servers.data !== undefined && <span className="cnt">{servers.data.length}</span>}
              <span className="end">
                <Link className="link" to="/servers">
                  All
                </Link>
              </span>
            </header>
            <Loaded query={servers} what="The list of servers">
              {(rows) => (
                <ul className="card">
                  {first(rows, (server) => serverRank(server, jobs)).map((server) => {
                    const lane = jobs.filter((job) => job.server_name === server.name);
                    return (
                      <li key={server.id} className="row border-line px-4 py-[9px] not-first:border-t gap-3">
                        <SignIcon sign={serverSign(server)} />
                        <Link className="t font-medium tr" to={`/servers/${encodeURIComponent(server.name)}`}>
                          {server.name}
                        </Link>
                        <span className="soft ml-auto text-[13px] nw">
                          {server.paused ? "paused" : lane.length > 0 ? laneWords(lane) : serverSign(server).word}
                        </span>
                      </li>
                    );
                  })}
                  {rows.length > SHOWN && (
                    <li className="border-line border-t px-4 py-[9px] text-[13px]">
                      <Link className="link" to="/servers">
                        and {rows.length - SHOWN} more
                      </Link>
                    </li>
                  )}
                </ul>
              )}
            </Loaded>
          </section>
        </div>
      </div>
    </div>
  );
}

function Need({
  sign,
  title,
  word,
  text,
  age,
  act,
}: {
  sign: Parameters<typeof SignIcon>[0]["sign"];
  title: ReactNode;
  word: string;
  text: ReactNode;
  age?: string | null | undefined;
  act: ReactNode;
}) {
  return (
    <li className="item need">
      <SignIcon sign={sign} />
      <div className="grow">
        <div className="t">
          {title} <span className={`c-${sign.tone}`}>{word}</span>
        </div>
        <div className="d">{text}</div>
      </div>
      <span className="age">
        <Ago time={age} plain />
      </span>
      <div className="acts">{act}</div>
    </li>
  );
}

/** The newest deployment of an app failed, and nobody has done anything about it. */
export function lastFailures(deployments: Deployment[], now: number): Deployment[] {
  const newest = new Map<string, Deployment>();
  for (const one of deployments) {
    const key = `${one.server_name}/${one.app_name}`;
    if ((newest.get(key)?.id ?? 0) < one.id) newest.set(key, one);
  }
  return [...newest.values()].filter(
    (one) => one.status === "failed" && now - (ms(one.finished_at ?? one.started_at) ?? 0) < RECENT_MS,
  );
}

function LookHere({ jobs, servers, deployments }: { jobs: Job[]; servers: Server[]; deployments: Deployment[] }) {
  const now = useNow();
  const asks = jobs.filter((job) => job.state === "attention");
  const failed = lastFailures(deployments, now);
  const paused = servers.filter((server) => server.paused);
  const gone = servers.filter((server) => !server.paused && serverSign(server).word === "unreachable");
  const nobody = jobs.filter((job) => job.waiting_for?.why === "no_process");
  const n = asks.length + failed.length + paused.length + gone.length + (nobody.length > 0 ? 1 : 0);
  if (n === 0) return null;
  const serverLink = (server: Server) => <Link to={`/servers/${encodeURIComponent(server.name)}`}>{server.name}</Link>;
  return (
    <section className="sect">
      <header>
        <h2>Look here first</h2>
        <span className="cnt">{n}</span>
      </header>
      <ul className="card needs">
        {asks.map((job) => (
          <Need
            key={`j${job.id}`}
            sign={jobSign(job)}
            title={<JobLink id={job.id} title={job.title} />}
            word="needs you"
            text={<Words text={job.reason ?? "it asks you"} />}
            age={job.started_at ?? job.created_at}
            act={
              <LinkButton small to={`/jobs/${job.id}`}>
                Answer
              </LinkButton>
            }
          />
        ))}
        {failed.map((one) => (
          <Need
            key={`d${one.id}`}
            sign={deploymentSign("failed")}
            title={
              one.job_id == null ? (
                `deploy ${one.app_name}`
              ) : (
                <JobLink id={one.job_id} title={`deploy ${one.app_name}`} />
              )
            }
            word="failed"
            text={<Words text={one.reason ?? "the job says why"} />}
            age={one.finished_at}
            act={
              one.job_id == null ? (
                <span />
              ) : (
                <LinkButton small to={`/jobs/${one.job_id}`}>
                  See why
                </LinkButton>
              )
            }
          />
        ))}
        {gone.slice(0, SHOWN).map((server) => (
          <Need
            key={`s${server.id}`}
            sign={serverSign(server)}
            title={serverLink(server)}
            word="unreachable"
            text={<Words text={server.last_error ?? "it does not answer"} />}
            age={server.last_seen_at}
            act={
              <LinkButton small to={`/servers/${encodeURIComponent(server.name)}`}>
                Look
              </LinkButton>
            }
          />
        ))}
        {paused.slice(0, SHOWN).map((server) => (
          <Need
            key={`p${server.id}`}
            sign={serverSign(server)}
            title={serverLink(server)}
            word="lane paused"
            text="its host key is not the pinned one. Compare both before anything runs there."
            age={server.paused?.since}
            act={
              <LinkButton small to={`/servers/${encodeURIComponent(server.name)}`}>
                Compare keys
              </LinkButton>
            }
          />
        ))}
        {gone.length + paused.length > 2 * SHOWN && (
          <li className="item need">
            <span />
            <Link className="link" to="/servers">
              All servers that do not answer or are paused
            </Link>
          </li>
        )}
        {nobody.length > 0 && (
          <Need
            sign={jobSign({ state: "attention" })}
            title="Nobody runs jobs"
            word=""
            text={
              <Words text="Jobs wait, and no infrakt process is there to run them: start `infrakt serve`, or follow one." />
            }
            act={<span />}
          />
        )}
      </ul>
    </section>
  );
}

function RunningNow({ jobs }: { jobs: Job[] }) {
  const running = jobs.filter((job) => job.state === "running" || job.state === "cancelling");
  const waiting = jobs.filter((job) => job.state === "queued" || job.state === "blocked");
  const retrying = waiting.filter((job) => job.waiting_for?.why === "retry").length;
  const now = useNow(running.length > 0);
  if (running.length === 0 && waiting.length === 0) return null;
  const rest = [
    waiting.length - retrying > 0 ? `${waiting.length - retrying} wait` : "",
    retrying > 0 ? `${retrying} retry` : "",
  ]
    .filter(Boolean)
    .join(", ");
  return (
    <section className="sect">
      <header>
        <h2>Running now</h2>
        <span className="cnt">{running.length}</span>
        {rest !== "" && (
          <span className="end">
            <Link className="link" to="/jobs">
              {rest}: see why
            </Link>
          </span>
        )}
      </header>
      <ul className="card runl">
        {running.length === 0 && (
          <li className="item runs">
            <span />
            <span className="soft col-span-4">
              {waiting[0] !== undefined && (
                <>
                  <JobLink id={waiting[0].id} title={waiting[0].title} /> waits: <Why job={waiting[0]} jobs={jobs} />
                </>
              )}
            </span>
          </li>
        )}
        {running.map((job) => {
          const at = currentStep(job.steps);
          const time = jobTime(job, now);
          return (
            <li className="item runs" key={job.id}>
              <SignIcon sign={jobSign(job)} />
              <div className="tr">
                <JobLink id={job.id} title={job.title} /> <span className="muted small">{job.server_name}</span>
              </div>
              <div className="sg">
                <StepsBar steps={job.steps} />
              </div>
              <div className="tr lastln">
                <span className="c-run">{at?.step.name ?? "connecting"}</span>{" "}
                <span className="muted small">{at !== null && at.at > 0 ? `${at.at} of ${at.of}` : ""}</span>
              </div>
              <span className="el">{time === null ? "" : duration(time)}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

export function source(app: App): string {
  return app.git_repo ?? app.image ?? (app.app_type.includes("compose") ? "compose file" : "no source");
}

function Tile({ app, job, serving }: { app: App; job: Job | undefined; serving: Deployment | undefined }) {
  const sign = job?.kind === "deploy" && job.state === "running" ? appSign("deploying") : appSign(app.status);
  return (
    <div className="card tile">
      <div className="top">
        <Link className="name tr" to={appPath(app)}>
          {app.name}
        </Link>
        <SignWord sign={sign} />
      </div>
      <p className="tr dom">{app.domain ?? "no route"}</p>
      <p className="tr" title={source(app)}>
        {source(app).replace(/^https:\/\//, "")}
      </p>
      <div className="last">
        <span className="row tr gap-1">
          {job === undefined ? (
            app.current_deployment_id == null ? (
              "never deployed"
            ) : (
              // An app also changes without a deploy, and only the last deployments are known here.
              <>
                {serving === undefined ? "changed" : "deployed"}{" "}
                <Ago time={serving === undefined ? app.updated_at : (serving.finished_at ?? serving.started_at)} />
              </>
            )
          ) : (
            <>
              <SignIcon sign={jobSign(job)} /> #{job.id} {jobSign(job).word}
            </>
          )}
        </span>
        <span className="ml-auto nw">{app.server_name}</span>
      </div>
    </div>
  );
}

export function version(one: Deployment): string {
  if (one.commit_hash) return short(one.commit_hash);
  return one.image ?? one.branch ?? "";
}

function News({ one, job }: { one: Deployment; job: Job | undefined }) {
  const sign = job === undefined ? deploymentSign(one.status) : jobSign(job);
  const took = (ms(one.finished_at) ?? 0) - (ms(one.started_at) ?? 0);
  return (
    <li className="item">
      <SignIcon sign={sign} />
      <div className="grow">
        <div className="tr">
          <Link
            className="t"
            to={
              one.job_id == null
                ? appPath({ name: one.app_name, server_name: one.server_name }, "deployments")
                : `/jobs/${one.job_id}`
            }
          >
            {one.app_name}
          </Link>{" "}
          <code>{version(one)}</code> {one.commit_subject}
        </div>
        <div className="d tr">
          {one.server_name} · <Ago time={one.started_at} />
          {one.status === "success" && took > 0 && `, took ${duration(took)}`}
          {one.status !== "success" && one.reason != null && ` · ${one.reason}`}
        </div>
      </div>
    </li>
  );
}
