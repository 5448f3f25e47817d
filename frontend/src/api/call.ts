// One request to the API of this origin: errors become `ApiError` with what the server said. Who asks is in a cookie that no script can
// read; nothing secret is kept in the page.
import type { ErrorBody } from "./types";

/** What the API refused, or that it could not be reached (`status` 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code?: string,
    readonly requestId?: string,
    readonly fields: { field: string; message: string }[] = [],
    /** Seconds to wait, where the server says so. */
    readonly retryAfter?: number,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** What the server says about one field of a form. */
  field(name: string): string | undefined {
    return this.fields.find((error) => error.field === name || error.field.endsWith(`.${name}`))?.message;
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>;

export interface Ask {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
}

/** `/api/apps/a b` and its query, encoded. Parts that are undefined are left out. */
export function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return `/api${path}${text === "" ? "" : `?${text}`}`;
}

/** A path with its parameters encoded: path`/apps/${name}/env`. */
export function path(parts: TemplateStringsArray, ...values: (string | number)[]): string {
  return parts.reduce((all, part, i) => all + encodeURIComponent(String(values[i - 1])) + part);
}

const signedOut = new Set<() => void>();

/** Tells when a request was refused for want of a key. */
export function onSignedOut(listener: () => void): () => void {
  signedOut.add(listener);
  return () => signedOut.delete(listener);
}

/** Ends the session, or notices that it is over. */
export function signOut(ended = false): void {
  if (!ended) void fetch("/api/session", { method: "DELETE", credentials: "same-origin" }).catch(() => undefined);
  for (const listener of signedOut) listener();
}

/** The answer with its headers, where a list goes on in `Link`. */
export async function answer<T>(to: string, ask: Ask = {}): Promise<{ data: T; headers: Headers; status: number }> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (ask.body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(address(to, ask.query), {
      method: ask.method ?? "GET",
      headers,
      credentials: "same-origin",
      ...(ask.body === undefined ? {} : { body: JSON.stringify(ask.body) }),
      ...(ask.signal === undefined ? {} : { signal: ask.signal }),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "infrakt does not answer");
  }
  if (!response.ok) {
    const refused = await refusal(response);
    if (refused.status === 401 && to !== "/session") signOut(true);
    throw refused;
  }
  const text = response.status === 204 ? "" : await response.text();
  return {
    data: (text === "" ? undefined : JSON.parse(text)) as T,
    headers: response.headers,
    status: response.status,
  };
}

export async function call<T>(to: string, ask: Ask = {}): Promise<T> {
  return (await answer<T>(to, ask)).data;
}

async function refusal(response: Response): Promise<ApiError> {
  let body: Partial<ErrorBody> = {};
  try {
    body = (await response.json()) as Partial<ErrorBody>;
  } catch {
    // No JSON: something between here and infrakt answered.
  }
  const detail =
    typeof body.detail === "string" && body.detail !== "" ? body.detail : `the server answered ${response.status}`;
  const after = Number(response.headers.get("Retry-After"));
  return new ApiError(
    response.status,
    detail,
    body.code,
    body.request_id ?? response.headers.get("X-Request-Id") ?? undefined,
    body.errors ?? [],
    Number.isFinite(after) && after > 0 ? after : undefined,
  );
}

/** The cursor of the next page, from `Link: <…?cursor=…>; rel="next"`. */
export function nextPage(headers: Headers): string | null {
  for (const link of (headers.get("Link") ?? "").split(/,\s*(?=<)/)) {
    const match = /^<([^>]*)>.*rel="?next"?/.exec(link.trim());
    if (match?.[1] !== undefined) return new URL(match[1], "http://here").searchParams.get("cursor");
  }
  return null;
}
