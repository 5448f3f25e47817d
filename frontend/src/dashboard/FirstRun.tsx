// From nothing to a running app: five steps, here or in a terminal.
import { type ReactNode, useState } from "react";
import { path } from "../api/call";
import type { App, Server } from "../api/types";
import { AppForm } from "../apps/AppForm";
import { useEnqueue } from "../jobs/actions";
import { ServerForm } from "../servers/ServerForm";
import { Button, Command, Head, LinkButton } from "../ui/pieces";
import { useToasts } from "../ui/Toasts";

export function FirstRun({ servers, apps }: { servers: Server[]; apps: App[] }) {
  const server = servers[0];
  const ready = servers.find((one) => one.status === "active");
  const step = server === undefined ? 1 : ready === undefined ? 2 : apps.length === 0 ? 3 : 4;
  const name = server?.name ?? "prod-1";
  const enqueue = useEnqueue();
  const toasts = useToasts();
  const [open, setOpen] = useState(false);
  const item = (no: number, title: string, text: string, command: string, now: ReactNode) => (
    <li className={no === step ? "now" : ""}>
      <span className="no">{no < step ? "✓" : no}</span>
      {no === step ? (
        now
      ) : (
        <div className="brief">
          <div>
            <h2 className="soft">{title}</h2>
            <p>{no < step ? "done" : text}</p>
          </div>
          <Command text={command} />
        </div>
      )}
    </li>
  );
  /** Without a command the form says it, as it is filled in. */
  const card = (title: string, text: string, command: string | null, action: ReactNode) => (
    <div className={`card ${command === null ? "one" : "two"}`}>
      <div className="form">
        <div>
          <h2>{title}</h2>
          <p className="soft mt-0.5 text-[13px]">{text}</p>
        </div>
        {action}
      </div>
      {command !== null && (
        <div className="field content-start">
          <span className="lbl">The same in a terminal</span>
          <Command text={command} />
        </div>
      )}
    </div>
  );
  return (
    <div className="wrap">
      <Head title="From nothing to a running app" />
      <p className="soft mb-5 -mt-3">
        Five steps, here or in a terminal. Each does the same, and this page follows both.
      </p>
      <ol className="path">
        {item(
          1,
          "Add a server",
          "",
          `infrakt server add ${name} --host 203.0.113.10`,
          card(
            "Add a server",
            "A Debian or Ubuntu machine that you reach over SSH. Nothing is changed on it yet.",
            null,
            <ServerForm onDone={() => undefined} />,
          ),
        )}
        {item(
          2,
          "Provision it",
          "Docker, Caddy, firewall: eight steps, safe to repeat.",
          `infrakt server provision ${name}`,
          card(
            "Provision it",
            "Docker, Caddy, firewall: eight steps, safe to repeat. Nothing that is there is removed.",
            `infrakt server provision ${name}`,
            <Button
              kind="pri"
              onClick={() => void enqueue(path`/servers/${name}/provision`, `provision ${name}`).catch(toasts.fail)}
            >
              Provision {name}
            </Button>,
          ),
        )}
        {item(
          3,
          "Create an app",
          "From a git repository, an image or a compose file.",
          `infrakt app create web --server ${name} --git https://…`,
          card(
            "Create an app",
            "From a git repository, an image or a compose file.",
            `infrakt app create web --server ${name} --git https://…`,
            open ? (
              <AppForm servers={servers} onDone={() => undefined} />
            ) : (
              <Button kind="pri" onClick={() => setOpen(true)}>
                New app
              </Button>
            ),
          ),
        )}
        {item(
          4,
          "Deploy",
          "Done means seen: the containers run and the health check answers.",
          "infrakt app deploy web --wait",
          card(
            "Deploy",
            "Done means seen: the containers run and the health check answers.",
            "infrakt app deploy web --wait",
            <LinkButton kind="pri" to="/apps">
              To the app
            </LinkButton>,
          ),
        )}
        {item(
          5,
          "Open it",
          "On its domain with TLS, or through the server’s loopback.",
          `infrakt proxy add web.example.com --server ${name} --app web`,
          null,
        )}
      </ol>
      <p className="muted text-[13px]">
        Coming from the first release? Its home is taken over as it is: <code>infrakt --home DIR serve</code>
      </p>
    </div>
  );
}
