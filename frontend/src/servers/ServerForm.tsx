// Adding a server, or changing how it is reached; the pinned host key stays.
import { useQueryClient } from "@tanstack/react-query";
import { call, path } from "../api/call";
import type { Server } from "../api/types";
import { Field, FormError, useDraft, useSubmit } from "../ui/Form";
import { typedNumber, word } from "../ui/format";
import { Button, Command } from "../ui/pieces";
import { useToasts } from "../ui/Toasts";

const NEW = { name: "", host: "", user: "root", port: "22", ssh_key_path: "", provider: "" };

export function ServerForm({
  server,
  onDone,
  onClose,
}: {
  server?: Server;
  onDone: (server: Server) => void;
  onClose?: () => void;
}) {
  const client = useQueryClient();
  const toasts = useToasts();
  const start =
    server === undefined
      ? NEW
      : {
          name: server.name,
          host: server.host,
          user: server.user,
          port: String(server.port),
          ssh_key_path: server.ssh_key_path ?? "",
          provider: server.provider ?? "",
        };
  const [values, set, forget] = useDraft(start, server === undefined ? "server" : undefined);
  const form = useSubmit(async () => {
    const { name, port, ssh_key_path, provider, ...rest } = values;
    const changed = {
      ...rest,
      port: typedNumber(port),
      ssh_key_path: ssh_key_path === "" ? null : ssh_key_path,
      provider: provider === "" ? null : provider,
    };
    const done =
      server === undefined
        ? await call<Server>("/servers", { method: "POST", body: { name, ...changed } })
        : await call<Server>(path`/servers/${server.name}`, { method: "PUT", body: changed });
    forget();
    await client.invalidateQueries({ queryKey: ["servers"] });
    toasts.say(server === undefined ? "is added" : "is changed", {
      to: `/servers/${encodeURIComponent(name)}`,
      label: name,
    });
    onDone(done);
  });
  const flags = [
    values.user !== "root" ? `--user ${word(values.user)}` : "",
    values.port !== "22" ? `--port ${values.port}` : "",
    values.ssh_key_path !== "" ? `--key ${word(values.ssh_key_path)}` : "",
  ]
    .filter(Boolean)
    .join(" ");
  const command =
    `infrakt server ${server === undefined ? "add" : "edit"} ${word(values.name || "prod-1")} --host ${word(values.host || "203.0.113.10")} ${flags}`.trim();
  return (
    <form className="form" onSubmit={form.onSubmit} noValidate>
      {server === undefined && (
        <Field
          label="Name"
          value={values.name}
          onChange={(v) => set("name", v)}
          error={form.bad("name")}
          placeholder="prod-1"
          autoFocus={onClose !== undefined}
        />
      )}
      <div className="r2">
        <Field label="User" mono value={values.user} onChange={(v) => set("user", v)} error={form.bad("user")} />
        <Field
          label="Host"
          mono
          value={values.host}
          onChange={(v) => set("host", v)}
          error={form.bad("host")}
          placeholder="203.0.113.10"
        />
        <Field
          label="Port"
          mono
          inputMode="numeric"
          value={values.port}
          onChange={(v) => set("port", v)}
          error={form.bad("port")}
        />
      </div>
      <Field
        label="Key file"
        optional
        mono
        value={values.ssh_key_path}
        onChange={(v) => set("ssh_key_path", v)}
        error={form.bad("ssh_key_path")}
        placeholder="the agent, then ~/.ssh"
        hint={
          <>
            On the machine where infrakt runs. A user other than root needs <code>sudo -n</code>.
          </>
        }
      />
      <Field
        label="Provider"
        optional
        value={values.provider}
        onChange={(v) => set("provider", v)}
        error={form.bad("provider")}
      />
      <FormError error={form.error} />
      <Command text={command} />
      <div className="row justify-end">
        {onClose !== undefined && <Button onClick={onClose}>Cancel</Button>}
        <Button type="submit" kind="pri" busy={form.busy}>
          {server === undefined ? "Add server" : "Save"}
        </Button>
      </div>
    </form>
  );
}
