// A job in a line: its link, why it waits, what it does now.
import { Link } from "react-router";
import type { Job } from "../api/types";
import { clock, count, ms } from "../ui/format";
import { currentStep, StepsBar, useNow, Words } from "../ui/pieces";
import { isOver, stepSign } from "../ui/sign";
import { why } from "./why";

export function JobLink({ id, title }: { id: number; title?: string | undefined }) {
  return (
    <Link className={title === undefined ? "link" : "t"} to={`/jobs/${id}`}>
      {title} <span className={title === undefined ? "" : "id"}>#{id}</span>
    </Link>
  );
}

export function Why({ job, jobs }: { job: Job; jobs?: Job[] }) {
  const now = useNow(job.waiting_for != null);
  const parts = why(
    job,
    now,
    jobs?.find((other) => other.id === job.waiting_for?.job_id),
  );
  return (
    <>
      {parts.map((part) =>
        typeof part === "string" ? (
          <Words key={part} text={part} />
        ) : (
          <Link key={part.job} className="link" to={`/jobs/${part.job}`}>
            #{part.job}
          </Link>
        ),
      )}
    </>
  );
}

/** What it does, or why it does nothing. */
export function NowOrWhy({ job, jobs, bar = true }: { job: Job; jobs?: Job[]; bar?: boolean }) {
  if (job.state === "running" || job.state === "cancelling") {
    const at = currentStep(job.steps);
    const words = at === null ? "connecting" : <StepClock job={job} />;
    if (!bar) return words;
    return (
      <span className="row">
        <StepsBar steps={job.steps} />
        <span className="tr">{words}</span>
      </span>
    );
  }
  if (isOver(job.state)) return <Result job={job} />;
  return <Why job={job} {...(jobs === undefined ? {} : { jobs })} />;
}

function StepClock({ job }: { job: Job }) {
  const now = useNow(true);
  const at = currentStep(job.steps);
  const started = ms(at?.step.started_at);
  if (at === null) return null;
  return (
    <>
      {at.step.name}
      {started !== null && `, ${clock(now - started)}`}
    </>
  );
}

export function Result({ job }: { job: Job }) {
  if (job.superseded_by != null) {
    return (
      <>
        superseded by <JobLink id={job.superseded_by} /> before it began
      </>
    );
  }
  const failed = job.steps.find((step) => step.state === "failed");
  if (job.reason) {
    return (
      <>
        {failed !== undefined && <code>{failed.name}</code>}
        {failed !== undefined && ": "}
        <Words text={job.reason} />
      </>
    );
  }
  const plan = job.steps.filter((step) => step.seq < 100);
  const already = plan.filter((step) => stepSign(step.state)?.word === "already so").length;
  if (job.state === "succeeded" && plan.length > 0) {
    return <>{`${count(plan.length, "step")}${already > 0 ? `, ${already} were already so` : ""}`}</>;
  }
  return null;
}

/** How long it waits, runs, or took. */
export function jobTime(job: Job, now: number): number | null {
  const start = ms(job.started_at) ?? (isOver(job.state) ? null : ms(job.created_at));
  if (start === null) return null;
  return (ms(job.finished_at) ?? now) - start;
}
