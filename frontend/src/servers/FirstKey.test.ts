import { expect, test } from "vitest";
import { ApiError } from "../api/call";
import { isAway, keyFile } from "./FirstKey";

test("the file to compare with is the one of the key's type", () => {
  expect(keyFile("ssh-ed25519")).toBe("/etc/ssh/ssh_host_ed25519_key.pub");
  expect(keyFile("ecdsa-sha2-nistp256")).toBe("/etc/ssh/ssh_host_ecdsa_key.pub");
  expect(keyFile("rsa-sha2-512")).toBe("/etc/ssh/ssh_host_rsa_key.pub");
});

test("only what the server itself refused may be recorded all the same", () => {
  expect(isAway(new ApiError(502, "no answer in time", "unreachable"))).toBe(true);
  expect(isAway(new ApiError(409, "there is one", "server_exists"))).toBe(false);
  expect(isAway(new ApiError(0, "infrakt does not answer"))).toBe(false);
  expect(isAway(new TypeError("no"))).toBe(false);
});
