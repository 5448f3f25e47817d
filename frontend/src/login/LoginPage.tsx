// The door: a one-time link from the terminal, or a key.
import { type FormEvent, useState } from "react";
import { ApiError, call } from "../api/call";
import { Field } from "../ui/Form";
import { Logo } from "../ui/Icon";
import { Button, Command, Note } from "../ui/pieces";
import { explain } from "../ui/Trouble";

export function LoginPage({ onOpen }: { onOpen: () => void }) {
  const [key, setKey] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    call<unknown>("/session", { method: "POST", body: { key: key.trim() } })
      .then(onOpen)
      .catch(setError)
      .finally(() => setBusy(false));
  };
  const refused = error instanceof ApiError && (error.status === 401 || error.status === 403);
  return (
    <main className="door">
      <div>
        <div className="brand">
          <Logo />
          <span>infrakt</span>
        </div>
        <div className="card">
          <div>
            <h1>Sign in to this home</h1>
            <p className="soft mt-1">This page can change your servers, so it opens only for those who hold a key.</p>
          </div>
          {error !== null && !refused && (
            <Note tone="fail" icon="xc" role="alert" lead="It did not work.">
              {explain(error)}
            </Note>
          )}
          <div className="field">
            <span className="lbl">With a one-time link</span>
            <Command text="infrakt ui" />
            <span className="hint">It prints a link into this page that works once.</span>
          </div>
          <div className="or">or</div>
          <form className="form" onSubmit={submit}>
            <Field
              label="With a key"
              type="password"
              mono
              value={key}
              onChange={setKey}
              placeholder="paste it here"
              {...(refused
                ? { error: "this is no key of this home" }
                : {
                    hint: (
                      <>
                        This home’s first key: <code>cat ~/.infrakt/api_key.txt</code>
                      </>
                    ),
                  })}
            />
            <Button type="submit" kind="pri" busy={busy} disabled={key.trim() === ""}>
              Sign in
            </Button>
          </form>
        </div>
        <p className="muted small">{location.host}</p>
      </div>
    </main>
  );
}
