// Every page there is, by name and address.
export const PLACES: [name: string, address: string][] = [
  ["dashboard", "/"],
  ["servers", "/servers"],
  ["server", "/servers/prod-1"],
  ["server-paused", "/servers/staging"],
  ["server-unreachable", "/servers/edge-1"],
  ["apps", "/apps"],
  ["app", "/apps/prod-1/web"],
  ["app-logs", "/apps/prod-1/web/logs"],
  ["app-deployments", "/apps/prod-1/web/deployments"],
  ["app-env", "/apps/prod-1/web/env"],
  ["app-settings", "/apps/prod-1/web/settings"],
  ["databases", "/databases"],
  ["jobs", "/jobs"],
  ["jobs-ended", "/jobs?state=ended"],
  ["job-running", "/jobs/412"],
  ["job-waiting", "/jobs/413"],
  ["job-retrying", "/jobs/411"],
  ["job-attention", "/jobs/409"],
  ["job-failed", "/jobs/407"],
  ["job-succeeded", "/jobs/401"],
  ["job-cancelled", "/jobs/396"],
  ["job-provisioning", "/jobs/416"],
  ["settings", "/settings"],
  ["not-found", "/nowhere"],
];

/** What a new home has of them. */
export const EMPTY_PLACES: [name: string, address: string][] = [
  ["dashboard", "/"],
  ["servers", "/servers"],
  ["apps", "/apps"],
  ["databases", "/databases"],
  ["jobs", "/jobs"],
  ["settings", "/settings"],
];

/** Windows over a page: where, and what opens them. */
export const WINDOWS: {
  name: string;
  address: string;
  steps: (string | { press: string } | { menu: string; item?: true } | { fill: Record<string, string> })[];
  /** What is there when it is whole. */
  shows?: string;
}[] = [
  { name: "add-server", address: "/servers?new", steps: [] },
  {
    name: "add-server-key",
    address: "/servers?new",
    steps: [{ fill: { Name: "prod-3", Host: "203.0.113.10" } }, { press: "Enter" }],
    shows: "Is this your server?",
  },
  {
    name: "add-server-away",
    address: "/servers?new",
    steps: [{ fill: { Name: "prod-3", Host: "127.0.0.1", Port: "1" } }, { press: "Enter" }],
    shows: "It does not answer",
  },
  { name: "new-app", address: "/apps?new", steps: [] },
  { name: "new-database", address: "/databases?new", steps: [] },
  { name: "destroy-app", address: "/apps/prod-1/web/settings", steps: ["Destroy…"] },
  { name: "forget-app", address: "/apps/prod-1/web/settings", steps: ["Forget…"] },
  { name: "provision", address: "/servers/prod-1", steps: ["Provision"] },
  { name: "route", address: "/servers/prod-1", steps: ["Add route"] },
  {
    name: "remove-server",
    address: "/servers/prod-1",
    steps: [{ menu: "more actions" }, { menu: "Remove…", item: true }],
  },
  { name: "edit-server", address: "/servers/prod-1", steps: [{ menu: "more actions" }, { menu: "Edit", item: true }] },
  { name: "connect-database", address: "/databases", steps: ["Connect"] },
  { name: "new-key", address: "/settings", steps: ["New key"] },
  { name: "revoke-key", address: "/settings", steps: ["Revoke…"] },
  { name: "palette", address: "/", steps: [{ press: "/" }] },
  { name: "keys", address: "/", steps: [{ press: "?" }] },
  { name: "lanes", address: "/", steps: ["queue:"] },
];
