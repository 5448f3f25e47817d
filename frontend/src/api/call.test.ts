import { afterEach, expect, test, vi } from "vitest";
import { ApiError, address, call, nextPage, onSignedOut, path } from "./call";

afterEach(() => vi.unstubAllGlobals());

function answers(status: number, body: unknown, headers: Record<string, string> = {}) {
  vi.stubGlobal(
    "fetch",
    async () => new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers }),
  );
}

async function refused(): Promise<ApiError> {
  try {
    await call("/apps");
  } catch (error) {
    if (error instanceof ApiError) return error;
  }
  throw new Error("it was not refused");
}

test("paths and queries are encoded", () => {
  expect(path`/apps/${"a/b c"}/env`).toBe("/apps/a%2Fb%20c/env");
  expect(address("/jobs", { server: "a&b", all: true, cursor: null, state: "" })).toBe(
    "/api/jobs?server=a%26b&all=true",
  );
});

test("a refusal keeps the server's words, its fields and the request's id", async () => {
  answers(422, {
    detail: "a field is wrong",
    code: "invalid",
    request_id: "r1",
    errors: [{ field: "host", message: "no host" }],
  });
  const error = await refused();
  expect([error.status, error.message, error.code, error.requestId]).toEqual([
    422,
    "a field is wrong",
    "invalid",
    "r1",
  ]);
  expect([error.field("host"), error.field("port")]).toEqual(["no host", undefined]);
});

test("an answer that is no JSON, and no answer at all, are said plainly", async () => {
  answers(502, "<html>", { "X-Request-Id": "r2" });
  const error = await refused();
  expect([error.message, error.requestId]).toEqual(["the server answered 502", "r2"]);
  vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("no")));
  expect((await refused()).status).toBe(0);
});

test("too many requests say how long to wait", async () => {
  answers(429, { detail: "slow down" }, { "Retry-After": "7" });
  expect((await refused()).retryAfter).toBe(7);
});

test("only a missing session signs out; what a key may not do does not", async () => {
  let out = 0;
  const off = onSignedOut(() => {
    out += 1;
  });
  answers(403, { detail: "no", code: "scope_too_small" });
  await refused();
  expect(out).toBe(0);
  answers(401, { detail: "nobody", code: "session_over" });
  await refused();
  off();
  expect(out).toBe(1);
});

test("the next page is found in Link", () => {
  expect(nextPage(new Headers({ Link: '</api/jobs?limit=50&cursor=123>; rel="next"' }))).toBe("123");
  expect(nextPage(new Headers({ Link: '</api/jobs?cursor=1>; rel="prev", </api/jobs?cursor=9>; rel="next"' }))).toBe(
    "9",
  );
  expect(nextPage(new Headers())).toBeNull();
});
