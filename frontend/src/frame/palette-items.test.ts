import { expect, test } from "vitest";
import type { App, Job, Server } from "../api/types";
import { find, items } from "./palette-items";

const known = {
  apps: [
    { name: "web", server_name: "prod-1", status: "running" },
    { name: "web", server_name: "prod-2", status: "stopped" },
    { name: "worker", server_name: "prod-1", status: "running" },
  ] as App[],
  servers: [{ name: "prod-1", host: "203.0.113.10" }] as Server[],
  databases: [],
  jobs: [{ id: 412, title: "deploy web", server_name: "prod-1", state: "running" }] as Job[],
};
const all = items(known);

test("words find what is to be done, before where to go", () => {
  const found = find(all, "deploy w");
  expect(found[0]).toMatchObject({ group: "Do", act: { verb: "deploy" } });
  expect(found.some((item) => item.group === "Jobs" && item.text === "deploy web #412")).toBe(true);
});

test("logs of an app are one line away", () => {
  expect(find(all, "logs worker")[0]).toMatchObject({ to: "/apps/prod-1/worker/logs", command: "app logs worker -f" });
});

test("a name that stands on two servers is said with its server in the command", () => {
  const commands = find(all, "restart web").map((item) => item.command);
  expect(commands).toEqual(expect.arrayContaining(["app restart prod-1/web", "app restart prod-2/web"]));
});

test("of ten thousand apps the best are found, the first of equals first", () => {
  const apps = Array.from({ length: 10_000 }, (_, i) => ({
    name: `app-${i}`,
    server_name: "prod-1",
    status: "running",
  }));
  const many = items({ ...known, apps: apps as App[] });
  expect(find(many, "deploy app-4711").map((item) => item.text)).toEqual(["Deploy app-4711"]);
  const found = find(many, "restart app-");
  expect(found).toHaveLength(14);
  expect(found[0]?.text).toBe("Restart app-0");
});

test("nothing is offered for nonsense, and places for nothing", () => {
  expect(find(all, "zzz")).toEqual([]);
  expect(find(all, "").some((item) => item.key === "g j")).toBe(true);
});
