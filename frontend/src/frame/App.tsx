// The door, then the pages; each page's code comes when it is asked for.
import { useQueryClient } from "@tanstack/react-query";
import {
  Component,
  type ComponentType,
  type ErrorInfo,
  lazy,
  type ReactNode,
  Suspense,
  useEffect,
  useRef,
  useState,
} from "react";
import { BrowserRouter, Route, Routes, useLocation } from "react-router";
import { ApiError, onSignedOut } from "../api/call";
import { q } from "../api/queries";
import { LiveProvider, useLive } from "../live/Live";
import { LoginPage } from "../login/LoginPage";
import { Button, Head, Note, Skeleton } from "../ui/pieces";
import { ToastProvider } from "../ui/Toasts";
import { Frame } from "./Frame";

/** A page's code did not come: infrakt was not there, or is another version now. */
class NoCode extends Error {}

const codes: (() => Promise<unknown>)[] = [];

const page = <K extends string>(load: () => Promise<Record<K, ComponentType>>, name: K) => {
  codes.push(load);
  return lazy(() =>
    load().then(
      (module) => ({ default: module[name] }),
      () => {
        throw new NoCode("infrakt does not answer, or is a newer one now.");
      },
    ),
  );
};

const Dashboard = page(() => import("../dashboard/DashboardPage"), "DashboardPage");
const Jobs = page(() => import("../jobs/JobsPage"), "JobsPage");
const Job = page(() => import("../jobs/JobPage"), "JobPage");
const Servers = page(() => import("../servers/ServersPage"), "ServersPage");
const Server = page(() => import("../servers/ServerPage"), "ServerPage");
const Apps = page(() => import("../apps/AppsPage"), "AppsPage");
const AppDetail = page(() => import("../apps/AppPage"), "AppPage");
const Databases = page(() => import("../databases/DatabasesPage"), "DatabasesPage");
const Settings = page(() => import("../settings/SettingsPage"), "SettingsPage");

/** The first page is there by then. */
const FETCH_REST_MS = 1_000;

type Door = "asking" | "open" | "closed";

export function App() {
  const client = useQueryClient();
  const [door, setDoor] = useState<Door>("asking");
  useEffect(
    () =>
      onSignedOut(() => {
        client.clear();
        setDoor("closed");
      }),
    [client],
  );
  useEffect(() => {
    if (door !== "asking") return;
    client.fetchQuery(q.session()).then(
      () => setDoor("open"),
      // Where infrakt does not answer at all, the pages say so better than the door.
      (error: unknown) => setDoor(error instanceof ApiError && error.status === 401 ? "closed" : "open"),
    );
  }, [door, client]);
  useEffect(() => {
    if (door !== "open") return;
    // A page that was never opened is to open also while infrakt does not answer: it says so itself, and with what is known.
    const timer = setTimeout(() => {
      for (const load of codes) load().catch(() => undefined);
    }, FETCH_REST_MS);
    return () => clearTimeout(timer);
  }, [door]);
  if (door === "asking") return <Asking />;
  if (door === "closed") return <LoginPage onOpen={() => setDoor("open")} />;
  return (
    <BrowserRouter>
      <ToastProvider>
        <LiveProvider>
          <Routes>
            <Route element={<Frame />}>
              <Route index element={<Page of={Dashboard} />} />
              <Route path="jobs" element={<Page of={Jobs} />} />
              <Route path="jobs/:id" element={<Page of={Job} />} />
              <Route path="servers" element={<Page of={Servers} />} />
              <Route path="servers/:server" element={<Page of={Server} />} />
              <Route path="apps" element={<Page of={Apps} />} />
              <Route path="apps/:server/:name/:tab?" element={<Page of={AppDetail} />} />
              <Route path="databases" element={<Page of={Databases} />} />
              <Route path="settings" element={<Page of={Settings} />} />
              <Route path="*" element={<NotFound />} />
            </Route>
          </Routes>
        </LiveProvider>
      </ToastProvider>
    </BrowserRouter>
  );
}

/** For a moment nothing, then a word: infrakt may be slow. */
function Asking() {
  return (
    <main className="door">
      <p className="muted late" role="status">
        Asking infrakt …
      </p>
    </main>
  );
}

function Page({ of: Inner }: { of: ComponentType }) {
  const { pathname } = useLocation();
  return (
    <Guard of={pathname}>
      <Suspense
        fallback={
          <div className="wrap p-6">
            <Skeleton />
          </div>
        }
      >
        <Inner />
      </Suspense>
    </Guard>
  );
}

function NotFound() {
  return (
    <div className="wrap">
      <Head title="Not found" />
      <Note icon="info" lead="There is no such page.">
        The address may be old; what you look for may be found with <kbd>/</kbd>.
      </Note>
    </div>
  );
}

/** A fault of one page leaves the frame standing, and the other pages. */
export class Guard extends Component<{ of: string; children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };
  static getDerivedStateFromError(error: Error) {
    return { error };
  }
  override componentDidCatch(_error: Error, _info: ErrorInfo) {
    // React has told the console already.
  }
  override componentDidUpdate(before: { of: string }) {
    if (before.of !== this.props.of && this.state.error !== null) this.setState({ error: null });
  }
  override render() {
    return this.state.error === null ? this.props.children : <Stopped error={this.state.error} />;
  }
}

function Stopped({ error }: { error: Error }) {
  const { state } = useLive();
  const [away, setAway] = useState(false);
  // Loaded only when there is something to load: else the browser would put its own page in the place of this one.
  const again = () =>
    void fetch("/api/health", { cache: "no-store" }).then(
      () => location.reload(),
      () => setAway(true),
    );
  const was = useRef(state.is);
  useEffect(() => {
    if (error instanceof NoCode && was.current !== "live" && state.is === "live") location.reload();
    was.current = state.is;
  }, [error, state.is]);
  return (
    <div className="wrap p-6">
      <Head title="This page stopped" />
      <Note
        tone="fail"
        icon="xc"
        role="alert"
        lead={error instanceof NoCode ? "The code of this page did not come." : "Something in it went wrong."}
        acts={
          <Button small onClick={again}>
            Load it again
          </Button>
        }
      >
        {error.message}
        {away && " It still does not answer."}
      </Note>
    </div>
  );
}
