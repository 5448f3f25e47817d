// All jobs: what is alive by lane, each with why it waits; and what has ended.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type ReactNode, useMemo } from "react";
import { Link, useSearchParams } from "react-router";
import { q } from "../api/queries";
import type { Job, Server } from "../api/types";
import { age, duration, ms } from "../ui/format";
import { Menu } from "../ui/Menu";
import { Ago, Button, Command, Empty, Head, LinkButton, SignWord, Table, useNow } from "../ui/pieces";
import { isOver, jobSign, NEEDS_YOU, RETRYING, RUNNING, type Sign, serverSign, WAITING } from "../ui/sign";
import { Loaded } from "../ui/Trouble";
import { useJobActions } from "./actions";
import { JobLink, jobTime, NowOrWhy, Result } from "./JobBits";
import { lanesOf, laneWords } from "./lanes";
import { who } from "./why";

const FILTERS: Sign[] = [NEEDS_YOU, RUNNING, RETRYING, WAITING];

export function matches(job: Job, filter: string): boolean {
  if (filter === "" || filter === "alive") return true;
  const word = jobSign(job).word;
  return word === filter || (filter === "running" && word === "cancelling");
}

export function JobsPage() {
  const [params, setParams] = useSearchParams();
  const filter = params.get("state") ?? "alive";
  const server = params.get("server") ?? "";
  const byTime = params.get("by") === "time";
  const set = (name: string, value: string) =>
    setParams(
      (old) => {
        const next = new URLSearchParams(old);
        if (value === "") next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  const alive = useQuery(q.alive());
  const servers = useQuery(q.servers());
  const jobs = alive.data ?? [];
  const chip = (name: string, label: ReactNode, n: number | null) => (
    <button
      type="button"
      className="chip"
      aria-pressed={filter === name}
      onClick={() => set("state", name === "alive" ? "" : name)}
    >
      {label}
      {n !== null && <b>{n}</b>}
    </button>
  );
  return (
    <div className="wrap">
      <Head title="Jobs" />
      <div className="bar3 filters">
        {chip("alive", "Alive", alive.data === undefined ? null : jobs.length)}
        {FILTERS.map((sign) => {
          const n = jobs.filter((job) => matches(job, sign.word)).length;
          return n === 0 && filter !== sign.word ? null : (
            <span key={sign.word} className="sig">
              {chip(sign.word, <SignWord sign={sign} />, n)}
            </span>
          );
        })}
        {chip("ended", "Ended", null)}
        <span className="end">
          <label className="vh" htmlFor="jobs-server">
            Server
          </label>
          <select
            id="jobs-server"
            className="in w-auto"
            value={server}
            onChange={(event) => set("server", event.target.value)}
          >
            <option value="">All servers</option>
            {servers.data?.map((one) => (
              <option key={one.id}>{one.name}</option>
            ))}
          </select>
          <span className="seg">
            <button type="button" aria-pressed={!byTime} onClick={() => set("by", "")}>
              By lane
            </button>
            <button type="button" aria-pressed={byTime} onClick={() => set("by", "time")}>
              By time
            </button>
          </span>
        </span>
      </div>
      {filter !== "ended" && (
        <Loaded query={alive} what="The list of jobs">
          {(all) => (
            <Alive
              jobs={all.filter((job) => matches(job, filter) && (server === "" || job.server_name === server))}
              all={all}
              servers={servers.data ?? []}
              byTime={byTime}
            />
          )}
        </Loaded>
      )}
      {(filter === "alive" || filter === "ended") && <Ended server={server} all={filter === "ended"} />}
    </div>
  );
}

function Alive({ jobs, all, servers, byTime }: { jobs: Job[]; all: Job[]; servers: Server[]; byTime: boolean }) {
  const lanes = useMemo(() => {
    if (byTime) return [["", [...jobs].sort((a, b) => b.id - a.id)] as [string, Job[]]];
    return lanesOf(jobs);
  }, [jobs, byTime]);
  if (jobs.length === 0) {
    return (
      <section className="card sect">
        <Empty
          icon="jobs"
          title="Nothing runs or waits"
          text="Deploy an app, and its job stands here with its steps."
          command="infrakt app deploy web --wait"
        />
      </section>
    );
  }
  return (
    <section className="card sect">
      <Table
        label="jobs that are alive"
        heads={[
          { text: "State" },
          { text: "Job" },
          { text: "Now, or why it waits" },
          { text: "Asked by", className: "hide-m" },
          { text: "For" },
          { text: "Actions", hidden: true },
        ]}
      >
        {lanes.map(([name, rows]) => (
          <tbody role="rowgroup" key={name}>
            {name !== "" && <LaneHead name={name} jobs={rows} server={servers.find((one) => one.name === name)} />}
            {rows.map((job) => (
              <AliveRow key={job.id} job={job} all={all} />
            ))}
          </tbody>
        ))}
      </Table>
    </section>
  );
}

function LaneHead({ name, jobs, server }: { name: string; jobs: Job[]; server: Server | undefined }) {
  return (
    <tr role="row" className="grp">
      <td role="cell" colSpan={6}>
        <span className="row">
          <Link className="t" to={`/servers/${encodeURIComponent(name)}`}>
            {name}
          </Link>
          {server !== undefined && <SignWord sign={serverSign(server)} />}
          <span className="muted">{laneWords(jobs)}</span>
        </span>
      </td>
    </tr>
  );
}

function AliveRow({ job, all }: { job: Job; all: Job[] }) {
  const actions = useJobActions();
  const running = job.state === "running" || job.state === "cancelling";
  const now = useNow(running);
  const time = jobTime(job, now);
  const paused = job.waiting_for?.why === "paused";
  return (
    <tr role="row">
      <td role="cell" className="fit cs">
        <SignWord sign={jobSign(job)} />
      </td>
      <td role="cell" className="ct nw">
        <JobLink id={job.id} title={job.title} />
      </td>
      <td role="cell" className="wide">
        <NowOrWhy job={job} jobs={all} />
      </td>
      <td role="cell" className="soft nw ci hide-m">
        <span className="cv">{who(job.requested_by)}</span>
      </td>
      <td role="cell" className="soft nw ci">
        <span className="cv">{time === null ? "" : running ? duration(time) : age(now, now - time)}</span>
      </td>
      <td role="cell" className="act">
        {job.state === "attention" ? (
          <LinkButton small to={`/jobs/${job.id}`}>
            Answer
          </LinkButton>
        ) : paused ? (
          <LinkButton small to={`/servers/${encodeURIComponent(job.server_name)}`}>
            Compare keys
          </LinkButton>
        ) : (
          <Menu
            label={`actions for ${job.title} #${job.id}`}
            small
            ghost
            actions={[
              ...(job.started_at == null
                ? [{ text: "Run next", icon: "up" as const, onSelect: () => void actions.bump(job) }]
                : []),
              {
                text: "Cancel",
                icon: "x",
                danger: true,
                disabled: job.state === "cancelling",
                onSelect: () => void actions.cancel(job),
              },
            ]}
          />
        )}
      </td>
    </tr>
  );
}

function Ended({ server, all }: { server: string; all: boolean }) {
  const query = useInfiniteQuery(q.jobs(server === "" ? {} : { server }));
  const rows = (query.data?.pages ?? []).flatMap((page) => page.items).filter((job) => isOver(job.state));
  const shown = all ? rows : rows.slice(0, 10);
  const now = useNow();
  return (
    <section className="sect">
      <header>
        <h2>Ended</h2>
        {!all && rows.length > 10 && (
          <span className="end">
            <Link className="link" to="/jobs?state=ended">
              All
            </Link>
          </span>
        )}
      </header>
      <Loaded query={query as never} what="The list of ended jobs">
        {() =>
          shown.length === 0 ? (
            <div className="card">
              <Empty icon="check" title="No job has ended yet" text="What was done stays here, with its log." />
            </div>
          ) : (
            <div className="card">
              <Table
                label="ended jobs"
                heads={[
                  { text: "State" },
                  { text: "Job" },
                  { text: "Result" },
                  { text: "Server", className: "hide-m" },
                  { text: "Asked by", className: "hide-m" },
                  { text: "Took", className: "num" },
                  { text: "Ended" },
                ]}
              >
                <tbody role="rowgroup">
                  {shown.map((job) => (
                    <tr role="row" key={job.id}>
                      <td role="cell" className="fit cs">
                        <SignWord sign={jobSign(job)} />
                      </td>
                      <td role="cell" className="ct nw">
                        <JobLink id={job.id} title={job.title} />
                      </td>
                      <td role="cell" className="wide">
                        <Result job={job} />
                      </td>
                      <td role="cell" className="nw ci hide-m">
                        <span className="cv">{job.server_name}</span>
                      </td>
                      <td role="cell" className="soft nw ci hide-m">
                        <span className="cv">{who(job.requested_by)}</span>
                      </td>
                      <td
                        role="cell"
                        data-l="took"
                        className={`soft num nw ${job.started_at == null ? "hide-p" : "ci lb"}`}
                      >
                        <span className="cv">
                          {job.started_at == null
                            ? ""
                            : duration((ms(job.finished_at) ?? now) - (ms(job.started_at) ?? now))}
                        </span>
                      </td>
                      <td role="cell" className="soft nw ci">
                        <span className="cv">
                          <Ago time={job.finished_at} />
                        </span>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </Table>
              {all && query.hasNextPage && (
                <div className="more-page">
                  <Button small busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                    Show older ones
                  </Button>
                </div>
              )}
            </div>
          )
        }
      </Loaded>
      <div className="mt-3 max-w-[340px]">
        <Command text={`infrakt job list --all${server === "" ? "" : ` --server ${server}`}`} />
      </div>
    </section>
  );
}
