// Between the form and the record of a new server: the host key that it shows, or that it does not answer. What is not agreed to is
// not recorded.
import { type ReactNode, useEffect, useId, useRef } from "react";
import { ApiError } from "../api/call";
import type { HostKey } from "../api/types";
import { Button, Command, Copy, Note, Words } from "../ui/pieces";
import { explain } from "../ui/Trouble";

/** The public half of a key of this type, where OpenSSH keeps it. */
export function keyFile(type: string): string {
  const kind = type.includes("ed25519") ? "ed25519" : type.startsWith("ecdsa") ? "ecdsa" : "rsa";
  return `/etc/ssh/ssh_host_${kind}_key.pub`;
}

/** Whether it was the server that stood in the way, so that it may be recorded all the same. */
export function isAway(error: unknown): boolean {
  return error instanceof ApiError && error.status === 502;
}

/** Takes the place of the form, and the focus: no second Enter answers what was not read. */
function Step({ title, children }: { title: string; children: ReactNode }) {
  const id = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <section className="form" aria-labelledby={id}>
      <h3 id={id} ref={heading} tabIndex={-1} className="outline-none">
        {title}
      </h3>
      {children}
    </section>
  );
}

export function AskKey({
  address,
  seen,
  command,
  error,
  busy,
  onYes,
  onNo,
}: {
  address: string;
  seen: HostKey;
  command: string;
  error: unknown;
  busy: boolean;
  onYes: () => void;
  onNo: () => void;
}) {
  return (
    <Step title="Is this your server?">
      <p className="soft text-[13px]">
        <code>{address}</code> shows this host key. Compare it with what the server’s own console says:{" "}
        <code>
          <span className="nw">ssh-keygen -lf</span> {keyFile(seen.key_type)}
        </code>
      </p>
      <p className="firstkey">
        <code>{seen.key_type}</code>
        <span>
          <code className="strong">{seen.fingerprint}</code> <Copy text={seen.fingerprint} what="fingerprint" />
        </span>
      </p>
      <p className="soft text-[13px]">
        Yes pins it: infrakt talks to no other key under this name. No records nothing; someone may be in between, or
        the address leads elsewhere.
      </p>
      {error !== null && (
        <Note tone="fail" icon="xc" role="alert" lead="It was not added.">
          {explain(error)}
        </Note>
      )}
      <Command text={command} />
      <div className="row justify-end">
        <Button disabled={busy} onClick={onNo}>
          No
        </Button>
        <Button kind="pri" busy={busy} onClick={onYes}>
          Yes, add it
        </Button>
      </div>
    </Step>
  );
}

export function Away({
  agreed,
  why,
  command,
  error,
  busy,
  onBack,
  onAgain,
  onRecord,
}: {
  /** It answered with a key that was agreed to, and refused then. */
  agreed: boolean;
  why: unknown;
  command: string;
  error: unknown;
  busy: boolean;
  onBack: () => void;
  onAgain: () => void;
  onRecord: () => void;
}) {
  return (
    <Step title={agreed ? "It was not added" : "It does not answer"}>
      <Note tone="fail" icon="unlink" role="alert" lead="Nothing is recorded.">
        <Words text={explain(why)} />
      </Note>
      <p className="soft text-[13px]">
        {agreed
          ? "It can be recorded anyway, with the key that you agreed to; nothing runs on it before the login works."
          : "It can be recorded anyway. Then its key is not compared: the first contact pins whatever is shown."}
      </p>
      {error !== null && (
        <Note tone="fail" icon="xc" role="alert" lead="It was not recorded.">
          {explain(error)}
        </Note>
      )}
      <Command text={command} />
      <div className="row justify-end">
        <Button disabled={busy} onClick={onBack}>
          Back
        </Button>
        <Button disabled={busy} onClick={onRecord}>
          Record it anyway
        </Button>
        <Button kind="pri" busy={busy} onClick={onAgain}>
          Try again
        </Button>
      </div>
    </Step>
  );
}
