// Times and amounts in words, the same as the command line's where it says them too.

const two = (n: number) => String(n).padStart(2, "0");

export function ms(time: string | null | undefined): number | null {
  if (time === null || time === undefined) return null;
  // Times of the first release carried no zone and meant UTC.
  const at = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(time) ? time : `${time}Z`);
  return Number.isNaN(at) ? null : at;
}

/** How long something took: `0.8s`, `42s`, `1m31s`, `2h05m`, `3d04h`. */
export function duration(time: number): string {
  const t = Math.max(0, time);
  const s = Math.floor(t / 1000);
  if (s < 10) return `${s}.${Math.floor((t % 1000) / 100)}s`;
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h${two(Math.floor((s % 3600) / 60))}m`;
  return `${Math.floor(s / 86_400)}d${two(Math.floor((s % 86_400) / 3600))}h`;
}

/** The same without fractions, for what goes on. */
export function span(time: number): string {
  const s = Math.floor(Math.max(0, time) / 1000);
  return s < 60 ? `${s}s` : duration(time);
}

/** The clock of something that runs: `0:42`, `1:02:03`. */
export function clock(time: number): string {
  const s = Math.floor(Math.max(0, time) / 1000);
  return s < 3600
    ? `${Math.floor(s / 60)}:${two(s % 60)}`
    : `${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
}

/** How old something is: `20 s`, `14 min`, `2 h`, `5 d`, then its day. */
export function age(now: number, then: number): string {
  const s = Math.floor(Math.max(0, now - then) / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h`;
  if (s < 30 * 86_400) return `${Math.floor(s / 86_400)} d`;
  return day(then);
}

export function ago(now: number, then: number): string {
  const s = (now - then) / 1000;
  if (s < 5) return "now";
  return s < 30 * 86_400 ? `${age(now, then)} ago` : day(then);
}

function day(at: number): string {
  const d = new Date(at);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/** The exact time where the reader is, to the second. */
export function moment(at: number): string {
  return `${day(at)} ${timeOfDay(at)}`;
}

export function timeOfDay(at: number): string {
  const d = new Date(at);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

export function hourMinute(at: number): string {
  return timeOfDay(at).slice(0, 5);
}

/** `1.2 GiB`. */
export function bytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let left = n;
  while (left >= 1024 && unit < units.length - 1) {
    left /= 1024;
    unit += 1;
  }
  return `${left >= 100 || unit === 0 ? Math.round(left) : left.toFixed(1).replace(/\.0$/, "")} ${units[unit]}`;
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** A commit as people say it. */
export function short(commit: string): string {
  return /^[0-9a-f]{12,}$/.test(commit) ? commit.slice(0, 7) : commit;
}

/** `SHA256:qC0zG1r7…nW8Yk3eA` */
export function shortFingerprint(fingerprint: string): string {
  return fingerprint.length <= 26 ? fingerprint : `${fingerprint.slice(0, 15)}…${fingerprint.slice(-8)}`;
}

/** A word of a shell command, quoted where it must be. */
export function word(text: string): string {
  return /^[A-Za-z0-9_./:@%+=,~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A number that was typed. What is none goes out as it is, to be refused by name: as `null` the default would take its place. */
export function typedNumber(text: string): number | string {
  return /^\d+$/.test(text.trim()) ? Number(text) : text;
}

/** Where a route is opened: `http://` in front of a domain means without TLS. */
export function webAddress(domain: string): string {
  return /^http:\/\//i.test(domain) ? domain : `https://${domain}`;
}

/** What a kind of job is called in a sentence. */
export function kindWord(kind: string): string {
  return kind.replaceAll("_", " ");
}
