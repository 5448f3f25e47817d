// Creating an app, or changing what will be deployed next.
import { useQueryClient } from "@tanstack/react-query";
import { call, path } from "../api/call";
import type { App, Server } from "../api/types";
import { Field, FormError, useDraft, useSubmit } from "../ui/Form";
import { typedNumber, word } from "../ui/format";
import { Button, Command } from "../ui/pieces";
import { useToasts } from "../ui/Toasts";

type Kind = "git" | "image" | "compose";

const lines = (text: string) => text.split(/[\s,]+/).filter((one) => one !== "");
const orNull = (text: string) => (text === "" ? null : text);

export function AppForm({
  app,
  servers,
  server,
  onDone,
  onClose,
}: {
  app?: App;
  servers: Server[];
  server?: string;
  onDone: (app: App) => void;
  onClose?: () => void;
}) {
  const client = useQueryClient();
  const toasts = useToasts();
  const kindOf: Kind = app === undefined || app.git_repo != null ? "git" : app.image != null ? "image" : "compose";
  const [values, set, forget] = useDraft(
    {
      name: app?.name ?? "",
      server_name: app?.server_name ?? server ?? servers[0]?.name ?? "",
      kind: kindOf as string,
      git_repo: app?.git_repo ?? "",
      branch: app?.branch ?? "main",
      image: app?.image ?? "",
      compose: "",
      service: app?.service ?? "",
      port: String(app?.port ?? 3000),
      domains: (app?.domains ?? []).join("\n"),
      publish: app?.publish ?? "",
      health_path: app?.health_path ?? "",
      health_timeout_s: app?.health_timeout_s == null ? "" : String(app.health_timeout_s),
      memory: app?.memory ?? "",
      cpus: app?.cpus ?? "",
    },
    app === undefined ? "app" : undefined,
  );
  const form = useSubmit(async () => {
    const source =
      values.kind === "git"
        ? { git_repo: orNull(values.git_repo), branch: values.branch || "main" }
        : values.kind === "image"
          ? { image: orNull(values.image) }
          : values.compose === ""
            ? {}
            : { compose: values.compose };
    const optional = {
      service: orNull(values.service),
      publish: orNull(values.publish),
      health_path: orNull(values.health_path),
      health_timeout_s: values.health_timeout_s === "" ? null : typedNumber(values.health_timeout_s),
      memory: orNull(values.memory),
      cpus: orNull(values.cpus),
    };
    // A new app says only what was filled in; a change says also what was emptied.
    const said =
      app === undefined ? Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== null)) : optional;
    const body = { ...source, ...said, port: typedNumber(values.port), domains: lines(values.domains) };
    const done =
      app === undefined
        ? await call<App>("/apps", {
            method: "POST",
            body: { ...body, name: values.name, server_name: values.server_name },
          })
        : await call<App>(path`/apps/${app.name}`, { method: "PUT", query: { server: app.server_name }, body });
    forget();
    await client.invalidateQueries({ queryKey: ["apps"] });
    void client.invalidateQueries({ queryKey: ["app"] });
    toasts.say(
      app === undefined ? `is created; deploy it to put it on ${values.server_name}` : "is changed; deploy to apply",
    );
    onDone(done);
  });
  const name = word(values.name || "web");
  const what =
    values.kind === "git"
      ? `--git ${values.git_repo === "" ? "https://…" : word(values.git_repo)}${values.branch === "main" ? "" : ` --branch ${word(values.branch)}`}`
      : values.kind === "image"
        ? `--image ${word(values.image || "nginx:1")}`
        : "--compose docker-compose.yml";
  const domains = lines(values.domains)
    .map((one) => ` --domain ${word(one)}`)
    .join("");
  const command = `infrakt app ${app === undefined ? "create" : "edit"} ${name} --server ${word(values.server_name || "prod-1")} ${what}${values.port === "3000" ? "" : ` --port ${values.port}`}${domains}`;
  return (
    <form className="form" onSubmit={form.onSubmit} noValidate>
      {app === undefined && (
        <div className="pair">
          <Field
            label="Name"
            value={values.name}
            onChange={(v) => set("name", v)}
            error={form.bad("name")}
            placeholder="web"
            autoFocus={onClose !== undefined}
          />
          <Field
            label="Server"
            value={values.server_name}
            onChange={(v) => set("server_name", v)}
            error={form.bad("server_name")}
            options={servers.map((one) => ({ value: one.name, text: one.name }))}
          />
        </div>
      )}
      <Field
        label="From"
        value={values.kind}
        onChange={(v) => set("kind", v)}
        options={[
          { value: "git", text: "a git repository" },
          { value: "image", text: "an image" },
          { value: "compose", text: "a compose file" },
        ]}
      />
      {values.kind === "git" && (
        <div className="pair">
          <Field
            label="Repository"
            mono
            value={values.git_repo}
            onChange={(v) => set("git_repo", v)}
            error={form.bad("git_repo")}
            placeholder="https://…/web.git"
          />
          <Field
            label="Branch"
            mono
            value={values.branch}
            onChange={(v) => set("branch", v)}
            error={form.bad("branch")}
          />
        </div>
      )}
      {values.kind === "image" && (
        <Field
          label="Image"
          mono
          value={values.image}
          onChange={(v) => set("image", v)}
          error={form.bad("image")}
          placeholder="nginx:1"
        />
      )}
      {values.kind === "compose" && (
        <Field
          label="Compose file"
          mono
          rows={8}
          value={values.compose}
          onChange={(v) => set("compose", v)}
          error={form.bad("compose")}
          hint={
            app === undefined
              ? "Its text. No build, relative binds, include or extends."
              : "Left empty, the one that is kept stays."
          }
        />
      )}
      <div className="pair">
        <Field
          label="Port of the container"
          mono
          inputMode="numeric"
          value={values.port}
          onChange={(v) => set("port", v)}
          error={form.bad("port")}
        />
        <Field
          label="Service"
          optional
          mono
          value={values.service}
          onChange={(v) => set("service", v)}
          error={form.bad("service")}
          hint="Where a compose file has several: which one has the port."
        />
      </div>
      <Field
        label="Domains"
        optional
        mono
        rows={2}
        value={values.domains}
        onChange={(v) => set("domains", v)}
        error={form.bad("domains", "domain")}
        hint="One a line. Each leads here with the next deploy."
      />
      <details>
        <summary className="cursor-pointer text-[13px] soft">Health and limits</summary>
        <div className="form mt-3">
          <div className="pair">
            <Field
              label="Health path"
              optional
              mono
              value={values.health_path}
              onChange={(v) => set("health_path", v)}
              error={form.bad("health_path")}
              placeholder="/up"
            />
            <Field
              label="Health timeout, seconds"
              optional
              mono
              inputMode="numeric"
              value={values.health_timeout_s}
              onChange={(v) => set("health_timeout_s", v)}
              error={form.bad("health_timeout_s")}
              placeholder="60"
            />
            <Field
              label="Memory"
              optional
              mono
              value={values.memory}
              onChange={(v) => set("memory", v)}
              error={form.bad("memory")}
              placeholder="512m"
            />
            <Field
              label="CPUs"
              optional
              mono
              value={values.cpus}
              onChange={(v) => set("cpus", v)}
              error={form.bad("cpus")}
              placeholder="1.5"
            />
            <Field
              label="Publish"
              optional
              mono
              value={values.publish}
              onChange={(v) => set("publish", v)}
              error={form.bad("publish")}
              placeholder="8080"
              hint="A public port, past Caddy and the firewall."
            />
          </div>
        </div>
      </details>
      <FormError error={form.error} />
      <Command text={command} />
      <div className="row justify-end">
        {onClose !== undefined && <Button onClick={onClose}>Cancel</Button>}
        <Button type="submit" kind="pri" busy={form.busy}>
          {app === undefined ? "Create app" : "Save"}
        </Button>
      </div>
    </form>
  );
}
