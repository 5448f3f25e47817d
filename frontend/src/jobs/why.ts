// Why a job waits, in words, with a link where another job is the reason.
import type { Job } from "../api/types";
import { ms, span } from "../ui/format";

export type Part = string | { job: number };

/** Of `waiting behind job 410 (provision prod-1)` what is in the brackets. */
function titleOf(reason: string): string | null {
  return /\((.*)\)$/.exec(reason)?.[1] ?? null;
}

export function why(job: Job, now: number, known?: Job): Part[] {
  const wait = job.waiting_for;
  const reason = job.reason ?? "";
  if (!wait) return reason === "" ? [] : [reason];
  switch (wait.why) {
    case "behind": {
      if (wait.job_id == null) return [reason];
      const title = known?.title ?? titleOf(reason);
      const since = ms(wait.since);
      const tail: string[] = [];
      if (known?.state === "attention") tail.push("which needs you");
      else if (since !== null) tail.push(`running ${span(now - since)}`);
      if (wait.usual_ms != null && since !== null) tail.push(`usually ${span(wait.usual_ms)}`);
      return [
        "behind ",
        { job: wait.job_id },
        `${title === null ? "" : ` ${title}`}${tail.map((one) => `, ${one}`).join("")}`,
      ];
    }
    case "retry": {
      const until = ms(wait.until);
      const when = until === null || until <= now ? "now" : `in ${span(until - now + 999)}`;
      return [`${when}${job.attempt > 0 ? `, try ${job.attempt + 1}` : ""}${reason === "" ? "" : `: ${reason}`}`];
    }
    case "paused":
      return [/host key/.test(reason) ? `until someone trusts the new host key of ${job.server_name}` : reason];
    case "person":
      return [reason === "" ? "it asks you" : reason];
    case "no_process":
      return ["no process is there to run it: start `infrakt serve`, or follow it"];
    case "due":
      return ["about to start"];
    default:
      return [reason];
  }
}

export function asSentence(parts: Part[]): string {
  return parts.map((part) => (typeof part === "string" ? part : `#${part.job}`)).join("");
}

/** Who asked, as short as it is clear: `key:laptop` is `laptop, API`. */
export function who(requestedBy: string): string {
  const key = /^(?:key|api)[: ](.+)$/.exec(requestedBy);
  return key?.[1] === undefined ? requestedBy : `${key[1]}, API`;
}

export interface Answer {
  resolution: "done" | "rerun" | "fail";
  verb: string;
  text: string;
}

export function answers(job: Job): Answer[] {
  const asked = job.steps.find((step) => step.state === "lost") ?? job.steps.find((step) => step.state === "started");
  const name = asked?.name ?? "the step";
  const later = job.steps.filter((step) => step.seq < 100 && step.state === "pending").map((step) => step.name);
  const on = later.length === 0 ? "Ends the job as done." : `Goes on with ${list(later)}.`;
  return [
    {
      resolution: "done",
      verb: "It is done",
      text: `${on} Choose it when the server is as ${name} should have left it.`,
    },
    {
      resolution: "rerun",
      verb: `Run ${name} again`,
      text: `Looks first whether it still runs; starts it once more only where it does not. Then the rest.`,
    },
    {
      resolution: "fail",
      verb: "Count it as failed",
      text: "Cleans up on the server and ends this job; the version before serves. Then the lane goes on.",
    },
  ];
}

function list(words: string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1) ?? ""}`;
}

/** What may be tried after a failure: at most three, each with its command. */
export function tries(job: Job): { title: string; text: string; command: string }[] {
  const app = job.app_name ?? "";
  const at = job.server_name;
  const out: { title: string; text: string; command: string }[] = [];
  switch (job.code) {
    case "login_refused":
    case "unreachable":
      out.push({
        title: "Look at the connection",
        text: `Says whether ${at} answers and takes the key.`,
        command: `infrakt server status ${at}`,
      });
      out.push({
        title: "Or change the address or key",
        text: "The pinned host key stays.",
        command: `infrakt server edit ${at} --help`,
      });
      break;
    case "host_key":
    case "host_key_changed":
      out.push({
        title: "Compare the keys",
        text: "Trust the new one only if you know why it changed.",
        command: `infrakt server trust ${at}`,
      });
      break;
    default:
      if (job.app_name && job.kind === "deploy") {
        out.push({
          title: "Read what the app said",
          text: "The containers' own output.",
          command: `infrakt app logs ${app}`,
        });
      }
  }
  out.push({ title: "Try again", text: "A new job with the same snapshot.", command: `infrakt job retry ${job.id}` });
  return out.slice(0, 3);
}
