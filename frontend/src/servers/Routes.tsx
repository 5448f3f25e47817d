// The routes of a server, and the form that adds one.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { path } from "../api/call";
import { q } from "../api/queries";
import type { Server } from "../api/types";
import { appPath } from "../frame/palette-items";
import { useEnqueue } from "../jobs/actions";
import { Destroy, Dialog } from "../ui/Dialog";
import { Field, FormError, useDraft, useSubmit } from "../ui/Form";
import { typedNumber, word } from "../ui/format";
import { Button, Command, Empty } from "../ui/pieces";
import { useToasts } from "../ui/Toasts";
import { Loaded } from "../ui/Trouble";

export function Routes({ server, onAdd }: { server: Server; onAdd: () => void }) {
  const routes = useQuery(q.routes(server.name));
  const enqueue = useEnqueue();
  const toasts = useToasts();
  const [gone, setGone] = useState<string | null>(null);
  return (
    <section className="sect">
      <header>
        <h2>Routes</h2>
        {routes.data !== undefined && <span className="cnt">{routes.data.length}</span>}
        <span className="end">
          <Button small icon="plus" onClick={onAdd}>
            Add route
          </Button>
          <Button small onClick={() => void enqueue(path`/proxy/${server.name}/reload`, "reload").catch(toasts.fail)}>
            Reload
          </Button>
        </span>
      </header>
      <Loaded query={routes} what="The list of routes" rows={2}>
        {(rows) =>
          rows.length === 0 ? (
            <div className="card">
              <Empty
                icon="globe"
                title="No route yet"
                text="A domain that leads to an app, with TLS by Caddy."
                command={`infrakt proxy add web.example.com --server ${word(server.name)} --app web`}
              />
            </div>
          ) : (
            <div className="card">
              {rows.map((route) => (
                <div key={route.domain} className="row border-line px-4 py-2 not-first:border-t text-[13px]">
                  <a className="link tr" href={route.url} target="_blank" rel="noreferrer">
                    {route.domain}
                  </a>
                  <span className="soft nw">
                    {route.app_name != null ? (
                      <>
                        to{" "}
                        <Link to={appPath({ name: route.app_name, server_name: server.name })}>{route.app_name}</Link>
                      </>
                    ) : (
                      `to port ${route.port ?? "?"}`
                    )}
                  </span>
                  <span className="ml-auto">
                    <Button
                      small
                      kind="ghost"
                      icon="trash"
                      aria-label={`remove ${route.domain}`}
                      title="remove"
                      onClick={() => setGone(route.domain)}
                    />
                  </span>
                </div>
              ))}
            </div>
          )
        }
      </Loaded>
      {gone !== null && (
        <Destroy
          title={`Remove the route ${gone}?`}
          name={gone}
          verb="Remove route"
          goes={[`visitors of ${gone} reach nothing here any more`]}
          stays={["the app behind it goes on running", "the certificate, until Caddy cleans up"]}
          command={() => `infrakt proxy remove ${gone} --server ${word(server.name)}`}
          act={() => enqueue(path`/proxy/${server.name}/domains/${gone}`, `remove ${gone}`, { method: "DELETE" })}
          onClose={() => setGone(null)}
        />
      )}
    </section>
  );
}

export function RouteForm({ server, apps, onClose }: { server: Server; apps: string[]; onClose: () => void }) {
  const [values, set] = useDraft({ domain: "", app_name: apps[0] ?? "", port: "" });
  const enqueue = useEnqueue();
  const client = useQueryClient();
  const form = useSubmit(async () => {
    const to = values.app_name === "" ? { port: typedNumber(values.port) } : { app_name: values.app_name };
    await enqueue("/proxy/routes", `route ${values.domain}`, {
      body: { domain: values.domain, server_name: server.name, ...to },
    });
    void client.invalidateQueries({ queryKey: ["routes"] });
    onClose();
  });
  return (
    <Dialog title={`Add a route on ${server.name}`} onClose={onClose}>
      <form onSubmit={form.onSubmit} noValidate>
        <div className="body">
          <Field
            label="Domain"
            mono
            value={values.domain}
            onChange={(v) => set("domain", v)}
            error={form.bad("domain")}
            placeholder="web.example.com"
            hint="Its address must lead to this server, for TLS to work."
            autoFocus
          />
          <div className="pair">
            <Field
              label="To"
              value={values.app_name}
              onChange={(v) => set("app_name", v)}
              error={form.bad("app_name", "app")}
              options={[...apps.map((app) => ({ value: app, text: app })), { value: "", text: "a port of the server" }]}
            />
            {values.app_name === "" && (
              <Field
                label="Port"
                mono
                inputMode="numeric"
                value={values.port}
                onChange={(v) => set("port", v)}
                error={form.bad("port")}
              />
            )}
          </div>
          <FormError error={form.error} />
          <Command
            text={`infrakt proxy add ${word(values.domain || "web.example.com")} --server ${word(server.name)} ${values.app_name === "" ? `--port ${values.port || "8080"}` : `--app ${word(values.app_name)}`}`}
          />
        </div>
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="pri" busy={form.busy}>
            Add route
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
