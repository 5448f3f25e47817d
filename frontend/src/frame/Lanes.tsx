// The lanes behind the queue pill: per server what runs, what waits behind it and since when, what needs a person.
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { q } from "../api/queries";
import type { Job } from "../api/types";
import { NowOrWhy } from "../jobs/JobBits";
import { laneWords } from "../jobs/lanes";
import { Dialog } from "../ui/Dialog";
import { Button, Empty, SignIcon } from "../ui/pieces";
import { jobSign } from "../ui/sign";

export function Lanes({ onClose }: { onClose: () => void }) {
  const { data: jobs = [] } = useQuery(q.alive());
  const lanes = new Map<string, Job[]>();
  for (const job of [...jobs].sort((a, b) => a.id - b.id))
    lanes.set(job.server_name, [...(lanes.get(job.server_name) ?? []), job]);
  return (
    <Dialog title="Lanes" onClose={onClose} wide>
      <div className="body">
        {lanes.size === 0 && (
          <Empty
            icon="jobs"
            title="Nothing runs or waits"
            text="One job at a time on each server; the others wait here."
            command="infrakt job list"
          />
        )}
        {[...lanes].map(([name, rows]) => (
          <section key={name}>
            <div className="row mb-1">
              <Link className="strong" to={`/servers/${encodeURIComponent(name)}`} onClick={onClose}>
                {name}
              </Link>
              <span className="muted small">{laneWords(rows)}</span>
            </div>
            <ul className="card">
              {rows.map((job) => (
                <li className="row border-line px-3 py-2 not-first:border-t text-[13px]" key={job.id}>
                  <SignIcon sign={jobSign(job)} />
                  <Link className="t nw" to={`/jobs/${job.id}`} onClick={onClose}>
                    {job.title} <span className="id">#{job.id}</span>
                  </Link>
                  <span className="soft grow">
                    <NowOrWhy job={job} jobs={jobs} />
                  </span>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
      <footer>
        <Link className="btn" to="/jobs" onClick={onClose}>
          All jobs
        </Link>
        <Button onClick={onClose}>Close</Button>
      </footer>
    </Dialog>
  );
}
