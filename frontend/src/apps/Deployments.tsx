// What was put on the server, the newest first; two can be compared.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { q } from "../api/queries";
import type { App, Deployment } from "../api/types";
import { version } from "../dashboard/DashboardPage";
import { Dialog } from "../ui/Dialog";
import { duration, moment, ms, word } from "../ui/format";
import { Ago, Button, Command, Empty, SignWord, Table } from "../ui/pieces";
import { deploymentSign, jobSign } from "../ui/sign";
import { Loaded } from "../ui/Trouble";

export function Deployments({ app }: { app: App }) {
  const query = useInfiniteQuery(q.deployments(app.server_name, app.name));
  const [picked, setPicked] = useState<number[]>([]);
  const [compare, setCompare] = useState(false);
  const rows = (query.data?.pages ?? []).flatMap((page) => page.items);
  const pick = (id: number) =>
    setPicked((was) => (was.includes(id) ? was.filter((one) => one !== id) : [...was.slice(-1), id]));
  const two = picked.map((id) => rows.find((row) => row.id === id)).filter((row) => row !== undefined);
  return (
    <section className="sect">
      <header>
        <h2>Deployments</h2>
        <span className="end">
          <Button small disabled={two.length < 2} onClick={() => setCompare(true)}>
            {two.length < 2 ? "Choose two to compare" : "Compare"}
          </Button>
        </span>
      </header>
      <Loaded query={query as never} what="The list of deployments">
        {() => (
          <div className="card">
            {rows.length === 0 ? (
              <Empty
                icon="up"
                title="Not deployed yet"
                text="Each attempt stands here, with its job and log."
                command={`infrakt app deploy ${word(app.name)} --wait`}
              />
            ) : (
              <DeploymentTable app={app} rows={rows} picked={picked} onPick={pick} />
            )}
            {query.hasNextPage && (
              <div className="more-page">
                <Button small busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  Show older ones
                </Button>
              </div>
            )}
          </div>
        )}
      </Loaded>
      <div className="mt-3 max-w-[340px]">
        <Command text={`infrakt app deployments ${word(app.name)}`} />
      </div>
      {compare && two[0] !== undefined && two[1] !== undefined && (
        <Compare one={two[0]} two={two[1]} onClose={() => setCompare(false)} />
      )}
    </section>
  );
}

export function DeploymentTable({
  app,
  rows,
  picked,
  onPick,
}: {
  app: App;
  rows: Deployment[];
  picked?: number[];
  onPick?: (id: number) => void;
}) {
  const alive = useQuery(q.alive());
  return (
    <Table
      label="deployments"
      heads={[
        ...(onPick === undefined ? [] : [{ text: "Choose", hidden: true }]),
        { text: "State" },
        { text: "Version" },
        { text: "Took", className: "num" },
        { text: "When" },
      ]}
    >
      <tbody role="rowgroup">
        {rows.map((one) => {
          const job = alive.data?.find((other) => other.id === one.job_id);
          const [from, to] = [ms(one.started_at), ms(one.finished_at)];
          return (
            <tr role="row" key={one.id} aria-selected={picked?.includes(one.id)}>
              {onPick !== undefined && (
                <td role="cell" className="fit act">
                  <input
                    type="checkbox"
                    aria-label={`choose deployment ${one.id}`}
                    checked={picked?.includes(one.id) ?? false}
                    onChange={() => onPick(one.id)}
                  />
                </td>
              )}
              <td role="cell" className="fit cs">
                <SignWord sign={job === undefined ? deploymentSign(one.status) : jobSign(job)} />
              </td>
              <td role="cell" className="ct">
                {one.job_id == null ? (
                  <code className="t">{version(one) || `deployment ${one.id}`}</code>
                ) : (
                  <Link to={`/jobs/${one.job_id}`}>
                    <code className="t">{version(one) || `deployment ${one.id}`}</code> {one.commit_subject}
                  </Link>
                )}{" "}
                {one.id === app.current_deployment_id && <span className="tag">serves</span>}
                {one.reason != null && <span className="sub block font-normal">{one.reason}</span>}
              </td>
              <td role="cell" data-l="took" className={`soft num nw ${to === null ? "hide-p" : "ci lb"}`}>
                <span className="cv">{from !== null && to !== null ? duration(to - from) : ""}</span>
              </td>
              <td role="cell" className="soft nw ci">
                <span className="cv">
                  <Ago time={one.started_at} />
                </span>
              </td>
            </tr>
          );
        })}
      </tbody>
    </Table>
  );
}

function Compare({ one, two, onClose }: { one: Deployment; two: Deployment; onClose: () => void }) {
  const [older, newer] = one.id < two.id ? [one, two] : [two, one];
  const text = (value: unknown) =>
    value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 1);
  const facts: [string, (deployment: Deployment) => string][] = [
    ["state", (d) => deploymentSign(d.status).word],
    ["commit", (d) => [d.commit_hash, d.commit_subject].filter(Boolean).join(" ")],
    ["branch", (d) => d.branch ?? ""],
    ["image", (d) => d.image ?? ""],
    ["images", (d) => text(d.images)],
    ["domains", (d) => (d.domains ?? []).join(", ")],
    ["when", (d) => moment(ms(d.started_at) ?? 0)],
    ["reason", (d) => d.reason ?? ""],
  ];
  return (
    <Dialog title={`Deployment ${older.id} and ${newer.id}`} onClose={onClose} wide>
      <div className="body">
        <Table
          label="comparison"
          heads={[{ text: "What" }, { text: `Deployment ${older.id}` }, { text: `Deployment ${newer.id}` }]}
        >
          <tbody role="rowgroup">
            {facts
              .filter(([, of]) => of(older) !== "" || of(newer) !== "")
              .map(([name, of]) => (
                <tr role="row" key={name}>
                  <td role="cell" className="muted">
                    {name}
                    {of(older) !== of(newer) && <span className="c-retry block small">differs</span>}
                  </td>
                  <td role="cell">
                    <code>{of(older)}</code>
                  </td>
                  <td role="cell">
                    <code>{of(newer)}</code>
                  </td>
                </tr>
              ))}
          </tbody>
        </Table>
      </div>
      <footer>
        <Button onClick={onClose}>Close</Button>
      </footer>
    </Dialog>
  );
}
