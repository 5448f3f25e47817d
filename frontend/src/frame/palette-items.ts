// What the palette offers and how it finds. Pure.
import type { App, Database, Job, Server } from "../api/types";
import { word } from "../ui/format";
import type { Shape } from "../ui/shapes";

export interface Item {
  group: "Do" | "Jobs" | "Go to";
  text: string;
  detail: string;
  icon: Shape;
  command?: string;
  key?: string;
  to?: string;
  act?: { verb: "deploy" | "restart" | "stop" | "start" | "provision"; app: string; server: string };
  job?: Job;
  theme?: true;
  /** Text and detail as they are searched; made with the first search. */
  low?: [string, string];
}

interface Known {
  apps: App[];
  servers: Server[];
  databases: Database[];
  jobs: Job[];
}

export const appPath = (app: { name: string; server_name: string }, tab = ""): string =>
  `/apps/${encodeURIComponent(app.server_name)}/${encodeURIComponent(app.name)}${tab === "" ? "" : `/${tab}`}`;

export function items({ apps, servers, databases, jobs }: Known): Item[] {
  const out: Item[] = [];
  // A name that stands on several servers is said with its server.
  const times = new Map<string, number>();
  for (const app of apps) times.set(app.name, (times.get(app.name) ?? 0) + 1);
  const named = (app: App) => ((times.get(app.name) ?? 0) > 1 ? `${app.server_name}/${app.name}` : app.name);
  for (const app of apps) {
    for (const verb of ["deploy", "restart", app.status === "running" ? "stop" : "start"] as const) {
      const text = `${verb.charAt(0).toUpperCase()}${verb.slice(1)} ${app.name}`;
      out.push({
        group: "Do",
        text,
        detail: app.server_name,
        icon: verb === "deploy" ? "up" : "retry",
        command: `app ${verb} ${word(named(app))}`,
        act: { verb, app: app.name, server: app.server_name },
      });
    }
  }
  for (const server of servers) {
    out.push({
      group: "Do",
      text: `Provision ${server.name}`,
      detail: server.host,
      icon: "server",
      command: `server provision ${word(server.name)}`,
      act: { verb: "provision", app: "", server: server.name },
    });
  }
  out.push({
    group: "Do",
    text: "New app",
    detail: "from git, an image or a compose file",
    icon: "plus",
    command: "app create",
    to: "/apps?new",
  });
  out.push({
    group: "Do",
    text: "Add server",
    detail: "a machine reached over SSH",
    icon: "plus",
    command: "server add",
    to: "/servers?new",
  });
  out.push({
    group: "Do",
    text: "New database",
    detail: "PostgreSQL, MySQL, Redis, MongoDB",
    icon: "plus",
    command: "db create",
    to: "/databases?new",
  });
  out.push({ group: "Do", text: "Switch light and dark", detail: "", icon: "half", theme: true });
  for (const job of jobs)
    out.push({
      group: "Jobs",
      text: `${job.title} #${job.id}`,
      detail: job.server_name,
      icon: "jobs",
      to: `/jobs/${job.id}`,
      job,
    });
  for (const app of apps) {
    out.push({
      group: "Go to",
      text: app.name,
      detail: `app on ${app.server_name}`,
      icon: "app",
      to: appPath(app),
      command: `app show ${word(named(app))}`,
    });
    out.push({
      group: "Go to",
      text: `logs ${app.name}`,
      detail: `live, ${app.server_name}`,
      icon: "term",
      to: appPath(app, "logs"),
      command: `app logs ${word(named(app))} -f`,
    });
    out.push({
      group: "Go to",
      text: `env ${app.name}`,
      detail: app.server_name,
      icon: "key",
      to: appPath(app, "env"),
      command: `env list ${word(named(app))}`,
    });
  }
  for (const server of servers)
    out.push({
      group: "Go to",
      text: server.name,
      detail: `server, ${server.host}`,
      icon: "server",
      to: `/servers/${encodeURIComponent(server.name)}`,
      command: `server show ${word(server.name)}`,
    });
  for (const db of databases)
    out.push({
      group: "Go to",
      text: db.name,
      detail: `${db.db_type} on ${db.server_name}`,
      icon: "db",
      to: "/databases",
      command: `db url ${word(db.name)}`,
    });
  const places: [string, Shape, string, string][] = [
    ["Dashboard", "dash", "/", "g h"],
    ["Apps", "app", "/apps", "g a"],
    ["Databases", "db", "/databases", "g d"],
    ["Servers", "server", "/servers", "g s"],
    ["Jobs", "jobs", "/jobs", "g j"],
    ["Settings", "set", "/settings", "g e"],
  ];
  for (const [text, icon, to, key] of places) out.push({ group: "Go to", text, detail: "", icon, to, key });
  return out;
}

const MOST = 14;

/** Every word that was typed begins a word of the item, or stands inside; better places first. */
export function find(all: Item[], typed: string): Item[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) {
    const jobs = all.filter((item) => item.group === "Jobs").slice(0, 5);
    return [...jobs, ...all.filter((item) => item.group === "Go to" && item.key !== undefined)];
  }
  // There may be tens of thousands: they are not sorted, only the best are kept, of equals the first.
  const best: { item: Item; score: number }[] = [];
  for (const item of all) {
    const score = scoreOf(item, words);
    if (score === 0 || (best.length === MOST && score <= (best.at(-1)?.score ?? 0))) continue;
    const at = best.findIndex((other) => other.score < score);
    best.splice(at === -1 ? best.length : at, 0, { item, score });
    if (best.length > MOST) best.pop();
  }
  const found = best.map(({ item }) => item);
  return (["Do", "Jobs", "Go to"] as const).flatMap((group) => found.filter((item) => item.group === group));
}

/** 0: not all words stand in it. */
function scoreOf(item: Item, words: string[]): number {
  item.low ??= [item.text.toLowerCase(), item.detail.toLowerCase()];
  const [text, detail] = item.low;
  let score = 0;
  for (const one of words) {
    if (text === one) score += 8;
    else if (text.startsWith(one)) score += 4;
    else if (text.includes(` ${one}`)) score += 3;
    else if (text.includes(one)) score += 2;
    else if (detail.includes(one)) score += 1;
    else return 0;
  }
  return score;
}
