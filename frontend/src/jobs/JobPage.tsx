// One job: steps left, log right; why it failed or what it asks above the log.
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { q } from "../api/queries";
import type { Job, Step } from "../api/types";
import { LogView } from "../log/LogView";
import { useJobLog } from "../log/useJobLog";
import { age, clock, count, duration, ms } from "../ui/format";
import { Icon, Ring } from "../ui/Icon";
import { Menu } from "../ui/Menu";
import {
  Ago,
  Button,
  Command,
  copyText,
  currentStep,
  Head,
  LinkButton,
  Note,
  SignWord,
  useNow,
  Words,
} from "../ui/pieces";
import { isOver, jobSign, stepSign } from "../ui/sign";
import { Loaded, sentence } from "../ui/Trouble";
import { useJobActions } from "./actions";
import { JobLink, Why } from "./JobBits";
import { answers, tries, who } from "./why";

export function JobPage() {
  const id = Number(useParams().id);
  const query = useQuery({ ...q.job(id), enabled: Number.isInteger(id) });
  if (!Number.isInteger(id)) {
    return (
      <div className="wrap px-8 py-6">
        <Head title="No such job" crumbs={<Link to="/jobs">Jobs</Link>} />
        <Note
          icon="info"
          lead="There is no such job."
          acts={
            <LinkButton small to="/jobs">
              All jobs
            </LinkButton>
          }
        >
          A job is called by its number.
        </Note>
      </div>
    );
  }
  return query.data === undefined ? (
    <div className="wrap px-8 py-6">
      <Head title={`Job #${id}`} crumbs={<Link to="/jobs">Jobs</Link>} />
      <Loaded query={query} what={`Job #${id}`}>
        {() => null}
      </Loaded>
    </div>
  ) : (
    <JobView key={id} job={query.data} />
  );
}

/** The step a reader wants to see first: the one that failed or asks, else none, and the log is followed. */
function firstChosen(job: Job): number | null {
  return job.steps.find((step) => step.state === "failed" || step.state === "lost")?.seq ?? null;
}

function JobView({ job }: { job: Job }) {
  const over = isOver(job.state);
  const log = useJobLog(job.id, over);
  const [picked, setPicked] = useState<number | null>(null);
  const chosen = picked ?? firstChosen(job);
  return (
    <>
      <JobHead job={job} />
      <div className="split">
        <Steps job={job} chosen={chosen} onChoose={setPicked} />
        <section className="pane" aria-label="log">
          {job.state === "failed" && <Failed job={job} />}
          {job.state === "attention" && <Asks job={job} />}
          {job.waiting_for != null && job.state !== "attention" && (
            <div className="why">
              <h2>
                {jobSign(job).word === "retrying" ? "It tries again " : "It waits "}
                <Why job={job} />
              </h2>
            </div>
          )}
          <LogView
            log={log}
            steps={job.steps}
            alive={!over}
            runs={job.state === "running"}
            name={`job-${job.id}`}
            chosen={chosen}
            foot={<Command text={over ? `infrakt job log ${job.id}` : `infrakt job follow ${job.id}`} />}
          />
        </section>
      </div>
    </>
  );
}

function Elapsed({ job }: { job: Job }) {
  const over = isOver(job.state);
  const now = useNow(!over);
  const start = ms(job.started_at);
  const end = ms(job.finished_at);
  if (job.state === "attention")
    return <span className="soft">since {age(now, start ?? ms(job.created_at) ?? now)}</span>;
  if (start === null) return over ? null : <span className="soft">for {age(now, ms(job.created_at) ?? now)}</span>;
  return (
    <span className="soft">
      {over ? "after " : ""}
      {duration((end ?? now) - start)}
    </span>
  );
}

function JobHead({ job }: { job: Job }) {
  const actions = useJobActions();
  const navigate = useNavigate();
  const over = isOver(job.state);
  const waited = ms(job.started_at) === null ? 0 : (ms(job.started_at) ?? 0) - (ms(job.created_at) ?? 0);
  const meta = (
    <>
      <span>
        <Link to={`/servers/${encodeURIComponent(job.server_name)}`}>{job.server_name}</Link>
      </span>
      {job.app_name != null && !job.kind.startsWith("db_") && (
        <span>
          <Link to={`/apps/${encodeURIComponent(job.server_name)}/${encodeURIComponent(job.app_name)}`}>
            {job.app_name}
          </Link>
        </span>
      )}
      <span>asked by {who(job.requested_by)}</span>
      <span>
        <Ago time={job.created_at} />
      </span>
      {waited >= 2_000 && <span>waited {duration(waited)}</span>}
      {job.retry_of != null && (
        <span>
          retry of <JobLink id={job.retry_of} />
        </span>
      )}
      {job.superseded_by != null && (
        <span>
          superseded by <JobLink id={job.superseded_by} />
        </span>
      )}
    </>
  );
  const retry = async () => {
    const done = await actions.retry(job);
    if (done !== null) void navigate(`/jobs/${done.job_id}`);
  };
  return (
    <Head
      title={job.title}
      crumbs={<Link to="/jobs">Jobs</Link>}
      sign={
        <>
          <span className="id">#{job.id}</span>
          <SignWord sign={jobSign(job)} pill />
          <Elapsed job={job} />
        </>
      }
      meta={meta}
      acts={
        <>
          {over && job.state !== "succeeded" && (
            <Button kind="pri" icon="retry" busy={actions.busy !== null} onClick={() => void retry()}>
              Retry
            </Button>
          )}
          {!over && job.started_at == null && job.waiting_for != null && (
            <Button onClick={() => void actions.bump(job)}>Run next</Button>
          )}
          {!over && (
            <Button
              disabled={job.state === "cancelling"}
              busy={actions.busy?.startsWith("cancel") ?? false}
              onClick={() => void actions.cancel(job)}
            >
              Cancel
            </Button>
          )}
          <Menu
            label="more actions"
            actions={[
              { text: "Copy the link", icon: "copy", onSelect: () => void copyText(location.href) },
              ...(job.state === "succeeded"
                ? [{ text: "Run the same again", icon: "retry" as const, onSelect: () => void retry() }]
                : []),
            ]}
          />
        </>
      }
    />
  );
}

const FOLD = 8;

function Steps({ job, chosen, onChoose }: { job: Job; chosen: number | null; onChoose: (seq: number) => void }) {
  const [unfolded, setUnfolded] = useState(false);
  const current = currentStep(job.steps)?.step.seq ?? null;
  const shown = useMemo(() => {
    if (unfolded || job.steps.length <= FOLD + 1) return job.steps;
    // What is done already folds first; what runs, failed or comes next stays in sight.
    const done = job.steps.filter((step) => ["succeeded", "skipped"].includes(step.state));
    const fold = new Set(done.slice(0, Math.max(0, job.steps.length - FOLD)).map((step) => step.seq));
    return job.steps.filter((step) => !fold.has(step.seq));
  }, [job.steps, unfolded]);
  return (
    <section className="steps" aria-label="steps">
      <h2>Steps</h2>
      {job.steps.length === 0 && <p className="muted px-2 text-[13px]">Its plan is made when it begins.</p>}
      {shown.length < job.steps.length && (
        <Button small kind="ghost" icon="right" onClick={() => setUnfolded(true)}>
          {count(job.steps.length - shown.length, "step")} before
        </Button>
      )}
      <ol>
        {shown.map((step) => (
          <StepRow
            key={step.seq}
            step={step}
            chosen={(chosen ?? current) === step.seq}
            over={isOver(job.state)}
            onChoose={() => onChoose(step.seq)}
          />
        ))}
      </ol>
      <div className="more">
        <Behind job={job} />
        {(job.attempts?.length ?? 0) > 1 && (
          <>
            <hr />
            <h2>Who ran it</h2>
            <dl className="kv">
              {job.attempts?.map((attempt, i) => (
                <div className="contents" key={attempt.started_at}>
                  <dt>{i + 1}</dt>
                  <dd>
                    <Ago time={attempt.started_at} /> {(attempt.outcome ?? "runs").replaceAll("_", " ")}
                    {attempt.error != null && <span className="muted block">{attempt.error}</span>}
                  </dd>
                </div>
              ))}
            </dl>
          </>
        )}
      </div>
    </section>
  );
}

function Behind({ job }: { job: Job }) {
  const alive = useQuery(q.alive());
  const behind = (alive.data ?? [])
    .filter((other) => other.server_name === job.server_name && other.id !== job.id && other.state === "queued")
    .sort((a, b) => a.id - b.id);
  if (isOver(job.state) || behind.length === 0) return null;
  return (
    <>
      <hr />
      <h2>{job.started_at == null ? "Also waiting" : "Behind this job"}</h2>
      <dl className="kv">
        {behind.slice(0, 5).map((other, i) => (
          <div className="contents" key={other.id}>
            <dt>{i === 0 ? "next" : "then"}</dt>
            <dd>
              <JobLink id={other.id} title={other.title} />
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function StepRow({
  step,
  chosen,
  over,
  onChoose,
}: {
  step: Step;
  chosen: boolean;
  over: boolean;
  onChoose: () => void;
}) {
  const sign = stepSign(step.state);
  const runs = sign?.shape === "ring";
  const now = useNow(runs);
  const [from, to] = [ms(step.started_at), ms(step.finished_at)];
  const note =
    step.note ?? (step.state === "pending" && over ? "not run" : step.state === "skipped" ? "already so" : null);
  return (
    <li className={sign === null ? "todo" : ""}>
      <a
        href={`#step-${step.seq}`}
        aria-current={chosen ? "step" : undefined}
        onClick={(event) => {
          event.preventDefault();
          onChoose();
        }}
      >
        <span className={sign === null ? "muted" : `c-${sign.tone}`}>
          {sign === null ? <Icon name="todo" /> : runs ? <Ring /> : <Icon name={sign.shape as never} />}
        </span>
        <span>
          {step.name}
          {step.runs > 1 && <span className="tag ml-1">run {step.runs}</span>}
          <span className="vh">, {sign?.word ?? "not begun"}</span>
        </span>
        <span className="dur">
          {from === null ? "" : runs ? clock(now - from) : to === null ? "" : duration(to - from)}
        </span>
        {note !== null && <span className="d">{note}</span>}
      </a>
    </li>
  );
}

function Failed({ job }: { job: Job }) {
  const step = job.steps.find((one) => one.state === "failed" && one.seq < 100);
  const things = tries(job);
  return (
    <div className="why fail">
      <h2>
        {step === undefined ? "It failed" : `${step.name} failed`}
        {step?.exit_code != null && ` with exit code ${step.exit_code}`}
        {job.reason != null && (
          <>
            : <Words text={job.reason} />
          </>
        )}
      </h2>
      {job.hint != null && (
        <p>
          <Words text={sentence(job.hint)} />
        </p>
      )}
      <ol className="try">
        {things.map((one) => (
          <li key={one.command}>
            <h3>{one.title}</h3>
            <p>{one.text}</p>
            <Command text={one.command} />
          </li>
        ))}
      </ol>
    </div>
  );
}

function Asks({ job }: { job: Job }) {
  const actions = useJobActions();
  const asked = job.steps.find((step) => step.state === "lost") ?? job.steps.find((step) => step.state === "started");
  return (
    <div className="why attn">
      <h2>{asked === undefined ? "It needs your answer" : `Did ${asked.name} finish on ${job.server_name}?`}</h2>
      {job.reason != null && (
        <p>
          <Words text={sentence(job.reason)} />
        </p>
      )}
      {job.hint != null && (
        <p>
          <Words text={sentence(job.hint)} />
        </p>
      )}
      <p>
        See for yourself first:{" "}
        <Link className="link" to={`/servers/${encodeURIComponent(job.server_name)}`}>
          {job.server_name} as it is now
        </Link>
        .
      </p>
      <ul className="answers">
        {answers(job).map((answer) => (
          <li className="answer" key={answer.resolution}>
            <Button disabled={actions.busy !== null} onClick={() => void actions.resolve(job, answer.resolution)}>
              {answer.verb}
            </Button>
            <p>{answer.text}</p>
            <Command text={`infrakt job resolve ${job.id} --${answer.resolution}`} />
          </li>
        ))}
      </ul>
      {job.attempt > 4 && (
        <Note icon="info" lead="It was taken over several times.">
          Each time the process that ran it went away.
        </Note>
      )}
    </div>
  );
}
