// What will be deployed next, and the end of an app.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { call, path } from "../api/call";
import { q } from "../api/queries";
import type { AppDetails, Message } from "../api/types";
import { useEnqueue } from "../jobs/actions";
import { Destroy } from "../ui/Dialog";
import { word } from "../ui/format";
import { Button } from "../ui/pieces";
import { useToasts } from "../ui/Toasts";
import { AppForm } from "./AppForm";

export function AppSettings({ app }: { app: AppDetails }) {
  const servers = useQuery(q.servers());
  const [open, setOpen] = useState<"destroy" | "forget" | null>(null);
  const enqueue = useEnqueue();
  const navigate = useNavigate();
  const client = useQueryClient();
  const toasts = useToasts();
  const routes = app.domains.length === 0 ? [] : [`the routes ${app.domains.join(" and ")}`];
  const close = () => setOpen(null);
  return (
    <div className="grid gap-6 max-w-[720px]">
      <section>
        <h2 className="mb-2">What is deployed next</h2>
        <div className="card p-4">
          <AppForm key={app.updated_at} app={app} servers={servers.data ?? []} onDone={() => undefined} />
        </div>
      </section>
      <section>
        <h2 className="mb-2">The end</h2>
        <div className="card">
          <div className="row px-4 py-3 gap-4">
            <div className="grow">
              <div className="font-medium">Destroy it</div>
              <p className="soft text-[13px]">
                Containers, routes and folder go from {app.server_name}; volumes stay unless you say so.
              </p>
            </div>
            <Button kind="danger" onClick={() => setOpen("destroy")}>
              Destroy…
            </Button>
          </div>
          <div className="row px-4 py-3 gap-4 border-t border-line">
            <div className="grow">
              <div className="font-medium">Forget it</div>
              <p className="soft text-[13px]">
                For an app whose server is gone: only its record here goes, nothing on the server is touched.
              </p>
            </div>
            <Button kind="danger" onClick={() => setOpen("forget")}>
              Forget…
            </Button>
          </div>
        </div>
      </section>
      {open === "destroy" && (
        <Destroy
          title={`Destroy ${app.name} on ${app.server_name}?`}
          name={app.name}
          verb={`Destroy ${app.name}`}
          goes={[
            <span key="c">
              its containers, their images and the folder <code>/opt/infrakt/apps/{app.name}</code>
            </span>,
            ...routes,
            "its variables",
          ]}
          stays={["its volumes, and what is in them", "the records of its jobs, and its source"]}
          extra="Destroy the volumes too. There is no copy of them."
          command={(volumes) => `infrakt app destroy ${word(app.name)}${volumes ? " --volumes" : ""}`}
          act={async (volumes) => {
            const done = await enqueue(path`/apps/${app.name}`, `destroy ${app.name}`, {
              method: "DELETE",
              query: { server: app.server_name, ...(volumes ? { volumes: true } : {}) },
            });
            void navigate(done.job_id === undefined ? "/apps" : `/jobs/${done.job_id}`);
          }}
          onClose={close}
        />
      )}
      {open === "forget" && (
        <Destroy
          title={`Forget ${app.name} of ${app.server_name}?`}
          name={app.name}
          verb={`Forget ${app.name}`}
          goes={["its record here, its deployments and variables"]}
          stays={[`whatever of it is on ${app.server_name}: containers, volumes, routes`]}
          command={() => `infrakt app destroy ${word(app.name)} --local`}
          act={async () => {
            const done = await call<Message>(path`/apps/${app.name}`, {
              method: "DELETE",
              query: { server: app.server_name, local: true },
            });
            toasts.say(done.message);
            void navigate("/apps");
            await client.invalidateQueries();
          }}
          onClose={close}
        />
      )}
    </div>
  );
}
