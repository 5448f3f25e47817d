import { expect, test } from "vitest";
import {
  age,
  ago,
  bytes,
  clock,
  count,
  duration,
  ms,
  short,
  shortFingerprint,
  span,
  typedNumber,
  webAddress,
  word,
} from "./format";

test("durations are said as the command line says them", () => {
  expect([-5, 0, 849, 2_100, 59_999, 91_000, 124_000, 7_500_000, 273_600_000].map(duration)).toEqual([
    "0.0s",
    "0.0s",
    "0.8s",
    "2.1s",
    "59s",
    "1m31s",
    "2m04s",
    "2h05m",
    "3d04h",
  ]);
  expect([clock(42_000), clock(3_723_000)]).toEqual(["0:42", "1:02:03"]);
  expect([span(900), span(21_400)]).toEqual(["0s", "21s"]);
});

test("ages grow coarser, and a clock that lags makes no age negative", () => {
  const then = Date.parse("2026-11-25T20:00:00Z");
  expect([0, 20, 840, 7_300, 90_000].map((s) => age(then + s * 1000, then))).toEqual([
    "0 s",
    "20 s",
    "14 min",
    "2 h",
    "1 d",
  ]);
  expect([ago(then + 1_000, then), ago(then - 9_000, then), ago(then + 61_000, then)]).toEqual([
    "now",
    "now",
    "1 min ago",
  ]);
});

test("a time without a zone is UTC", () => {
  expect(ms("2026-11-23T16:33:13")).toBe(Date.parse("2026-11-23T16:33:13Z"));
  expect(ms("2026-11-23T16:33:13.311Z")).toBe(Date.parse("2026-11-23T16:33:13.311Z"));
  expect([ms(null), ms(undefined), ms("never")]).toEqual([null, null, null]);
});

test("amounts, commits, fingerprints", () => {
  expect([bytes(0), bytes(1023), bytes(1536), bytes(4 * 2 ** 30), bytes(150 * 2 ** 20)]).toEqual([
    "0 B",
    "1023 B",
    "1.5 KiB",
    "4 GiB",
    "150 MiB",
  ]);
  expect([count(1, "app"), count(0, "app"), count(2, "is", "are")]).toEqual(["1 app", "0 apps", "2 are"]);
  expect([short("3f2c1a0b9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a"), short("main")]).toEqual(["3f2c1a0", "main"]);
  expect(shortFingerprint("SHA256:qC0zG1r7mH4v9TtJbX2LdPpYwN5sKe8RfUaQ6nW8Yk3")).toBe(
    "SHA256:qC0zG1r7…6nW8Yk3".replace("6nW8Yk3", "Q6nW8Yk3"),
  );
});

test("a word of a command is quoted where a shell would read it otherwise", () => {
  expect(["web", "a b", "it's", "$x", ""].map(word)).toEqual(["web", "'a b'", "'it'\\''s'", "'$x'", "''"]);
});

test("a route without TLS is opened without it", () => {
  expect(["web.example.com", "http://web.localhost", "*.example.com"].map(webAddress)).toEqual([
    "https://web.example.com",
    "http://web.localhost",
    "https://*.example.com",
  ]);
});

test("what was typed for a number and is none is not made into one", () => {
  expect(["22", " 8080 ", "", "ssh", "1e3", "-1"].map(typedNumber)).toEqual([22, 8080, "", "ssh", "1e3", "-1"]);
});
