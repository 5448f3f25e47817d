// A question to the API that was not answered, or not well: what happened, what to do, the request's id.
import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { ApiError } from "../api/call";
import { hourMinute } from "./format";
import { Button, Note, Skeleton, Words } from "./pieces";

export function explain(error: unknown): string {
  if (!(error instanceof ApiError))
    return "The page did something wrong. Load it again; if it stays, please report it.";
  if (error.status === 0) return "infrakt does not answer. Is `infrakt serve` running?";
  if (error.status === 429) {
    return error.retryAfter === undefined
      ? "Too many requests; wait a little."
      : `Too many requests; try again in ${error.retryAfter} s.`;
  }
  if (error.status === 403) return `This key may not do that: ${error.message}.`;
  if (error.status >= 500 && error.status !== 502)
    return `infrakt could not do it: ${error.message}. Its log says more.`;
  return sentence(error.message);
}

/** Begins large and ends with a point; a name at its beginning stays as it is written. */
export function sentence(text: string): string {
  const first = /^[a-z']+([ ,:;.]|$)/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

export function Trouble({
  error,
  what,
  again,
  seen,
}: {
  error: unknown;
  what: string;
  again?: () => void;
  seen?: number;
}) {
  const id = error instanceof ApiError ? error.requestId : undefined;
  return (
    <Note
      tone="fail"
      icon="xc"
      role="alert"
      lead={`${what} did not come.`}
      {...(again === undefined
        ? {}
        : {
            acts: (
              <Button small onClick={again}>
                Try again
              </Button>
            ),
          })}
    >
      <Words text={explain(error)} />
      {seen !== undefined && seen > 0 && ` What you see is from ${hourMinute(seen)}.`}
      {id !== undefined && <span className="muted small block mt-1">request {id}</span>}
    </Note>
  );
}

/** Longer than this is slow, and worth a word. */
const SLOW_MS = 4_000;

export function useSlow(pending: boolean): boolean {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    if (!pending) {
      setSlow(false);
      return;
    }
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, [pending]);
  return slow;
}

/** Shows what was asked for: a skeleton until it is there, what was known with a word when asking failed. */
export function Loaded<T>({
  query,
  what,
  rows,
  children,
}: {
  query: UseQueryResult<T, Error>;
  what: string;
  rows?: number;
  children: (data: T) => ReactNode;
}) {
  const slow = useSlow(query.isPending);
  const again = () => void query.refetch();
  if (query.data === undefined) {
    if (query.isError) return <Trouble error={query.error} what={what} again={again} />;
    return (
      <>
        <Skeleton {...(rows === undefined ? {} : { rows })} />
        {slow && (
          <p className="muted small mt-2" role="status">
            This takes longer than usual.
          </p>
        )}
      </>
    );
  }
  return (
    <>
      {query.isError && <Trouble error={query.error} what={what} again={again} seen={query.dataUpdatedAt} />}
      {children(query.data)}
    </>
  );
}
