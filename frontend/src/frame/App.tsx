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
  useState,
} from "react";
import { BrowserRouter, Route, Routes, useLocation } from "react-router";
import { ApiError, onSignedOut } from "../api/call";
import { q } from "../api/queries";
import { LiveProvider } from "../live/Live";
import { LoginPage } from "../login/LoginPage";
import { Button, Note, Skeleton } from "../ui/pieces";
import { ToastProvider } from "../ui/Toasts";
import { Frame } from "./Frame";

const codes: (() => Promise<unknown>)[] = [];

const page = <K extends string>(load: () => Promise<Record<K, ComponentType>>, name: K) => {
  codes.push(load);
  return lazy(() => load().then((module) => ({ default: module[name] })));
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
  if (door === "asking") return null;
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
    if (this.state.error === null) return this.props.children;
    return (
      <div className="wrap p-6">
        <Note
          tone="fail"
          icon="xc"
          role="alert"
          lead="This page stopped."
          acts={
            <Button small onClick={() => location.reload()}>
              Load it again
            </Button>
          }
        >
          {this.state.error.message}
        </Note>
      </div>
    );
  }
}
