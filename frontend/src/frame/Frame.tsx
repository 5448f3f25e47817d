// The frame of every page: where one can go, the search, whether the line stands, and what the queue does.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Link, NavLink, Outlet, useLocation, useMatch, useNavigate } from "react-router";
import { signOut } from "../api/call";
import { q } from "../api/queries";
import type { Job } from "../api/types";
import { useLive } from "../live/Live";
import { hourMinute } from "../ui/format";
import { Icon, Logo, Ring } from "../ui/Icon";
import { Menu } from "../ui/Menu";
import { Button, useNow } from "../ui/pieces";
import type { Shape } from "../ui/shapes";
import { jobSign, NEEDS_YOU, RETRYING, RUNNING, type Sign, WAITING } from "../ui/sign";
import { Keys } from "./Keys";
import { Lanes } from "./Lanes";
import { Palette } from "./PaletteWindow";
import { switchTheme } from "./theme";

const PLACES: { to: string; text: string; icon: Shape; phone: boolean }[] = [
  { to: "/", text: "Dashboard", icon: "dash", phone: true },
  { to: "/apps", text: "Apps", icon: "app", phone: true },
  { to: "/databases", text: "Databases", icon: "db", phone: false },
  { to: "/servers", text: "Servers", icon: "server", phone: true },
  { to: "/jobs", text: "Jobs", icon: "jobs", phone: true },
  { to: "/settings", text: "Settings", icon: "set", phone: false },
];

const GO: Record<string, string> = { h: "/", a: "/apps", d: "/databases", s: "/servers", j: "/jobs", e: "/settings" };

type Over = "palette" | "keys" | "lanes" | null;

function writes(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName))
  );
}

export function Frame() {
  const [over, setOver] = useState<Over>(null);
  const navigate = useNavigate();
  const live = useLive();
  const { pathname } = useLocation();
  const job = useMatch("/jobs/:id") !== null;
  const main = useRef<HTMLElement>(null);

  useEffect(() => {
    let g = Number.NEGATIVE_INFINITY;
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setOver("palette");
        return;
      }
      if (
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        writes(event.target) ||
        document.querySelector("[role='dialog'],[role='alertdialog']")
      )
        return;
      if (event.key === "/") {
        event.preventDefault();
        setOver("palette");
      } else if (event.key === "?") setOver("keys");
      // When it was pressed, not when a busy page hears of it.
      else if (event.key === "g") g = event.timeStamp;
      else if (event.timeStamp - g < 1_200 && GO[event.key] !== undefined) {
        g = Number.NEGATIVE_INFINITY;
        void navigate(GO[event.key] ?? "/");
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [navigate]);

  // A new page begins at its top, and a reader of the screen is told of it.
  const first = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path is what changed
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [pathname]);

  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <div className="app">
        <Rail onKeys={() => setOver("keys")} />
        <header className="bar">
          <Link className="brand only-phone" to="/" aria-label="infrakt, dashboard">
            <Logo />
          </Link>
          <button
            type="button"
            className="find"
            aria-label="search or run a command"
            onClick={() => setOver("palette")}
          >
            <Icon name="search" />
            <span>Search or run a command</span>
            <kbd>/</kbd>
          </button>
          <span className="grow no-phone" />
          <LiveSign />
          <QueuePill onOpen={() => setOver("lanes")} />
        </header>
        <main
          id="main"
          ref={main}
          tabIndex={-1}
          className={`${job ? "job" : ""} ${live.oldSince !== null ? "is-old" : ""} outline-none`}
        >
          <Outlet />
        </main>
      </div>
      {over === "palette" && <Palette onClose={() => setOver(null)} />}
      {over === "keys" && <Keys onClose={() => setOver(null)} />}
      {over === "lanes" && <Lanes onClose={() => setOver(null)} />}
    </>
  );
}

function Rail({ onKeys }: { onKeys: () => void }) {
  const navigate = useNavigate();
  const apps = useQuery(q.apps());
  const servers = useQuery(q.servers());
  const databases = useQuery(q.databases());
  const jobs = useQuery(q.alive());
  const session = useQuery(q.session());
  const health = useQuery(q.health());
  const counts: Record<string, number | undefined> = {
    "/apps": apps.data?.length,
    "/servers": servers.data?.length,
    "/databases": databases.data?.length,
    "/jobs": jobs.data?.length,
  };
  return (
    <nav className="rail" aria-label="Main">
      <Link className="brand" to="/" aria-label="infrakt, dashboard">
        <Logo />
        <span>infrakt</span>
      </Link>
      <ul>
        {PLACES.map((place) => (
          <li key={place.to} className={place.phone ? "" : "no-phone"}>
            <NavLink to={place.to} end={place.to === "/"} title={place.text}>
              <Icon name={place.icon} />
              <span>{place.text}</span>
              {(counts[place.to] ?? 0) > 0 && <span className="n">{counts[place.to]}</span>}
            </NavLink>
          </li>
        ))}
        <li className="only-phone more">
          <Menu
            label="more places"
            ghost
            actions={[
              { text: "Databases", icon: "db", onSelect: () => void navigate("/databases") },
              { text: "Settings", icon: "set", onSelect: () => void navigate("/settings") },
              { text: "Switch light and dark", icon: "half", onSelect: switchTheme },
              { text: "Sign out", icon: "key", onSelect: () => signOut() },
            ]}
          >
            <Icon name="more" />
            <span>More</span>
          </Menu>
        </li>
      </ul>
      <div className="foot">
        <div className="row">
          <Button
            kind="ghost"
            small
            icon="half"
            aria-label="switch between light and dark"
            title="light or dark"
            onClick={switchTheme}
          />
          <Button kind="ghost" small icon="help" aria-label="keyboard shortcuts" title="keys" onClick={onKeys} />
          <Button kind="ghost" small icon="lock" aria-label="sign out" title="sign out" onClick={() => signOut()} />
        </div>
        <p>
          {[health.data?.version, session.data === undefined ? undefined : `key “${session.data.name}”`]
            .filter((one) => one !== undefined)
            .join(" · ")}
        </p>
      </div>
    </nav>
  );
}

function LiveSign() {
  const { state, tryNow } = useLive();
  const now = useNow(state.is === "reconnecting");
  if (state.is === "live") {
    return (
      <span className="live" role="status">
        <i />
        <span className="w">live</span>
      </span>
    );
  }
  if (state.is === "offline") {
    return (
      <span className="live off" role="status">
        <i />
        <button
          type="button"
          className="w cursor-pointer underline underline-offset-2"
          title="try again now"
          onClick={tryNow}
        >
          offline since {hourMinute(state.since)}, showing what was known
        </button>
      </span>
    );
  }
  const words =
    state.is === "reconnecting"
      ? `reconnecting (${Math.max(0, Math.ceil((state.at - now) / 1000))} s)`
      : state.is === "refused"
        ? `no live news: refused (${state.status})`
        : "connecting";
  return (
    <span className={`live ${state.is === "refused" ? "off" : "again"}`} role="status">
      <i />
      <span className="w">{words}</span>
    </span>
  );
}

const PILL: Sign[] = [RUNNING, WAITING, RETRYING, NEEDS_YOU];

export function pillCounts(jobs: Job[]): [Sign, number][] {
  const of = (job: Job) => (job.state === "cancelling" ? RUNNING.word : jobSign(job).word);
  return PILL.map((sign): [Sign, number] => [sign, jobs.filter((job) => of(job) === sign.word).length]).filter(
    ([, n]) => n > 0,
  );
}

function QueuePill({ onOpen }: { onOpen: () => void }) {
  const { data } = useQuery(q.alive());
  if (data === undefined) return null;
  const counts = pillCounts(data);
  return (
    <button type="button" className="lanes" onClick={onOpen}>
      <span className="vh">queue: </span>
      {counts.length === 0 && (
        <span className="st st-idle">
          <Icon name="check" />
          <span>nothing runs</span>
        </span>
      )}
      {counts.map(([sign, n]) => (
        <span key={sign.word} className={`st st-${sign.tone}`}>
          {sign.shape === "ring" ? <Ring /> : <Icon name={sign.shape} />}
          <b>{n}</b>
          <span>{sign.word}</span>
        </span>
      ))}
    </button>
  );
}
