// Adding a server, whose host key is shown and agreed to first; or changing its name or how it is reached, where the pinned key stays.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call, path } from "../api/call";
import type { HostKey, Server } from "../api/types";
import { Field, FormError, useAct, useDraft, useSubmit } from "../ui/Form";
import { typedNumber, word } from "../ui/format";
import { Button, Command } from "../ui/pieces";
import { useToasts } from "../ui/Toasts";
import { AskKey, Away, isAway } from "./FirstKey";

/** What stands in the place of the form: the question about the key that was seen, or that the server did not answer, or refused. */
type Step = { is: "seen"; key: HostKey } | { is: "away"; why: unknown; agreed: HostKey | null; try: number };

const NEW = { name: "", host: "", user: "root", port: "22", ssh_key_path: "", provider: "" };

export function ServerForm({
  server,
  lead,
  onDone,
  onClose,
}: {
  server?: Server;
  /** Above the form, while it is filled in. */
  lead?: string;
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
  const isChanged = (name: string) => values[name as keyof typeof values] !== start[name as keyof typeof start];
  const [step, setStep] = useState<Step | null>(null);
  const body = () => {
    const { port, ssh_key_path, provider, ...rest } = values;
    return {
      ...rest,
      port: typedNumber(port),
      ssh_key_path: ssh_key_path === "" ? null : ssh_key_path,
      provider: provider === "" ? null : provider,
    };
  };
  const finish = async (done: Server, said: string) => {
    forget();
    await client.invalidateQueries({ queryKey: ["servers"] });
    toasts.say(said, { to: `/servers/${encodeURIComponent(done.name)}`, label: done.name });
    onDone(done);
  };
  const away = (why: unknown, agreed: HostKey | null) => {
    if (!isAway(why)) throw why;
    setStep((was) => ({ is: "away", why, agreed, try: was?.is === "away" ? was.try + 1 : 0 }));
  };
  const look = async () => {
    const { provider: _, ...asked } = body();
    try {
      setStep({ is: "seen", key: await call<HostKey>("/host-key", { method: "POST", body: asked }) });
    } catch (error) {
      away(error, null);
    }
  };
  const add = async (key: HostKey) => {
    try {
      const added = { ...body(), fingerprint: key.fingerprint };
      await finish(await call<Server>("/servers", { method: "POST", body: added }), "is added");
    } catch (error) {
      away(error, key);
    }
  };
  const record = async (agreed: HostKey | null) => {
    const done = await call<Server>("/servers", { method: "POST", body: body() });
    let pinned = agreed !== null;
    if (agreed !== null) {
      const trust = { method: "POST", body: { fingerprint: agreed.fingerprint } } as const;
      await call<Server>(path`/servers/${done.name}/trust`, trust).catch((error: unknown) => {
        pinned = false;
        toasts.fail(error);
      });
    }
    await finish(done, pinned ? "is recorded with its key" : "is recorded without its key");
  };
  const form = useSubmit(async () => {
    if (server === undefined) return look();
    // What was not touched is not tried anew: another name needs no server that answers.
    const changed = Object.fromEntries(Object.entries(body()).filter(([name]) => isChanged(name)));
    if (Object.keys(changed).length === 0) return onDone(server);
    const done = await call<Server>(path`/servers/${server.name}`, { method: "PUT", body: changed });
    // Its name stands in what is known of apps, routes and jobs.
    if (done.name !== server.name) void client.invalidateQueries();
    await finish(done, "is changed");
  });
  /** The answers to what stands in the place of the form. */
  const answer = useAct();
  const [cameBack, setCameBack] = useState(false);
  const back = () => {
    answer.forget();
    setCameBack(true);
    setStep(null);
  };
  const flag = (field: keyof typeof values, name: string, usual: string) =>
    (server === undefined ? values[field] === usual : !isChanged(field)) ? "" : `--${name} ${word(values[field])}`;
  const flags = [
    server === undefined ? `--host ${word(values.host || "203.0.113.10")}` : flag("name", "name", ""),
    server === undefined ? "" : flag("host", "host", ""),
    flag("user", "user", "root"),
    flag("port", "port", "22"),
    flag("ssh_key_path", "key", ""),
    flag("provider", "provider", ""),
  ];
  const verb = server === undefined ? `add ${word(values.name || "prod-1")}` : `edit ${word(server.name)}`;
  const command = ["infrakt server", verb, ...flags].filter(Boolean).join(" ");
  if (step?.is === "seen")
    return (
      <AskKey
        address={`${values.host}${values.port === "22" ? "" : `:${values.port}`}`}
        seen={step.key}
        command={`${command} --fingerprint ${step.key.fingerprint}`}
        error={answer.error}
        busy={answer.busy}
        onYes={() => answer.run(() => add(step.key))}
        onNo={() => {
          back();
          toasts.say("Nothing is recorded");
        }}
      />
    );
  if (step?.is === "away") {
    const { agreed } = step;
    return (
      <Away
        key={step.try}
        agreed={agreed !== null}
        why={step.why}
        command={`${command} --offline`}
        error={answer.error}
        busy={answer.busy}
        onBack={back}
        onAgain={() => answer.run(() => (agreed === null ? look() : add(agreed)))}
        onRecord={() => answer.run(() => record(agreed))}
      />
    );
  }
  return (
    <form className="form" onSubmit={form.onSubmit} noValidate>
      {lead !== undefined && <p className="soft text-[13px]">{lead}</p>}
      <Field
        label="Name"
        value={values.name}
        onChange={(v) => set("name", v)}
        error={form.bad("name")}
        placeholder="prod-1"
        autoFocus={onClose !== undefined || cameBack}
      />
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
