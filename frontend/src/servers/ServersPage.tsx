// All servers, with what their lanes do.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearchParams } from "react-router";
import { q } from "../api/queries";
import type { Job, Server } from "../api/types";
import { JobLink } from "../jobs/JobBits";
import { laneWords, rank } from "../jobs/lanes";
import { Dialog } from "../ui/Dialog";
import { Finder, isLong, LongBody, type RowProps } from "../ui/Long";
import { Ago, Button, Empty, Head, LinkButton, Note, SignWord, Table } from "../ui/pieces";
import { jobSign, serverSign } from "../ui/sign";
import { Loaded, sentence } from "../ui/Trouble";
import { ServerForm } from "./ServerForm";

export function ServersPage() {
  const servers = useQuery(q.servers());
  const alive = useQuery(q.alive());
  const [params, setParams] = useSearchParams();
  const navigate = useNavigate();
  const close = () => setParams({}, { replace: true });
  const paused = servers.data?.filter((one) => one.paused) ?? [];
  const gone = servers.data?.filter((one) => !one.paused && serverSign(one).word === "unreachable") ?? [];
  return (
    <div className="wrap">
      <Head
        title="Servers"
        count={servers.data?.length}
        acts={
          <Button kind="pri" icon="plus" onClick={() => setParams({ new: "" })}>
            Add server
          </Button>
        }
      />
      {gone.slice(0, 1).map((server) => (
        <Note
          key={server.id}
          tone="fail"
          icon="unlink"
          lead={`${server.name} does not answer.`}
          acts={
            <LinkButton small to={`/servers/${encodeURIComponent(server.name)}`}>
              Look
            </LinkButton>
          }
        >
          {server.last_error !== null && server.last_error !== undefined ? sentence(server.last_error) : ""} Its apps
          may well be serving.
        </Note>
      ))}
      {paused.slice(0, 1).map((server) => (
        <Note
          key={server.id}
          tone="attn"
          icon="pause"
          lead={`${server.name} shows another host key.`}
          acts={
            <LinkButton small to={`/servers/${encodeURIComponent(server.name)}`}>
              Compare keys
            </LinkButton>
          }
        >
          Its lane is paused: a rebuilt server, or someone in between.
        </Note>
      ))}
      <Loaded query={servers} what="The list of servers">
        {(rows) =>
          rows.length === 0 ? (
            <section className="card">
              <Empty
                icon="server"
                title="No server yet"
                text="A Debian or Ubuntu machine that you reach over SSH."
                action={
                  <Button kind="pri" onClick={() => setParams({ new: "" })}>
                    Add server
                  </Button>
                }
                command="infrakt server add prod-1 --host 203.0.113.10"
              />
            </section>
          ) : (
            <Finder rows={rows} what="a server" text={serverText}>
              {(found) => (
                <section className="card sect">
                  <Table
                    label="servers"
                    className={isLong(found.length) ? "long servers" : ""}
                    count={isLong(found.length) ? found.length + 1 : undefined}
                    heads={[
                      { text: "State" },
                      { text: "Name" },
                      { text: "Address", className: "hide-m" },
                      { text: "Lane" },
                      { text: "Apps", className: "num" },
                      { text: "Seen" },
                    ]}
                  >
                    <LongBody rows={found} columns={6}>
                      {(server, props) => (
                        <Row
                          key={server.id}
                          server={server}
                          jobs={(alive.data ?? []).filter((job) => job.server_name === server.name)}
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
      {params.has("new") && (
        <Dialog title="Add a server" onClose={close}>
          <div className="body pb-5">
            <ServerForm
              lead="Nothing is changed on it yet. Its host key is shown first, for you to compare."
              onClose={close}
              onDone={(server) => void navigate(`/servers/${encodeURIComponent(server.name)}`)}
            />
          </div>
        </Dialog>
      )}
    </div>
  );
}

const serverText = (server: Server) => `${server.name} ${server.user}@${server.host} ${serverSign(server).word}`;

function Row({ server, jobs, props }: { server: Server; jobs: Job[]; props: RowProps }) {
  const first = [...jobs].sort((a, b) => rank(a) - rank(b) || a.id - b.id)[0];
  return (
    <tr role="row" {...props}>
      <td role="cell" className="fit cs">
        <SignWord sign={serverSign(server)} />
      </td>
      <td role="cell" className="ct">
        <Link className="t" to={`/servers/${encodeURIComponent(server.name)}`}>
          {server.name}
        </Link>
      </td>
      <td role="cell" className="nw hide-m">
        <code className="soft">
          {server.user}@{server.host}
          {server.port === 22 ? "" : `:${server.port}`}
        </code>
      </td>
      <td role="cell" className="wide">
        {first === undefined ? (
          <span className="muted">idle</span>
        ) : (
          <>
            <SignWord sign={jobSign(first)} /> <JobLink id={first.id} title={first.title} />{" "}
            {jobs.length > 1 && <span className="muted nw">{laneWords(jobs)}</span>}
          </>
        )}
      </td>
      <td role="cell" data-l="apps" className="num ci lb">
        <span className="cv">{server.app_count}</span>
      </td>
      <td role="cell" data-l="seen" className="soft nw ci lb">
        <span className="cv">{server.last_seen_at == null ? "never" : <Ago time={server.last_seen_at} />}</span>
      </td>
    </tr>
  );
}
