//! What goes wrong with an image's deploy, one thing after the other on one server: each says what failed, where, and what to try;
//! nothing half-done is left, the version before serves, and the next job runs.

use crate::support::cli::{Home, Said};
use crate::support::http;
use crate::support::process::Process;
use crate::support::server::TestServer;
use infrakt::domain::job::{Job, JobState};
use std::io::Write;
use std::process::Command;

/// A server whose app `web` serves v1.
struct Bench {
    server: TestServer,
    home: Home,
    good: i64,
}

impl Bench {
    fn new(name: &str) -> Self {
        let server = TestServer::ready(name);
        let home = Home::with(&[("prod-1", &server)]);
        let create =
            ["app", "create", "web", "--server", "prod-1", "--image", "127.0.0.1:5000/hello:v1", "--port", "8080"];
        home.run(&[&create[..], &["--domain", "http://web.localhost", "--health", "/up"]].concat()).ok();
        home.run(&["app", "deploy", "web", "--wait"]).ok();
        Self { server, home, good: 1 }
    }

    fn edit(&self, flags: &[&str]) {
        self.home.run(&[&["app", "edit", "web"], flags].concat()).ok();
    }

    fn image(&self, tag: &str) {
        self.edit(&["--image", &format!("127.0.0.1:5000/hello:{tag}")]);
    }

    fn deploy(&self) -> Said {
        self.home.run(&["app", "deploy", "web", "--wait"])
    }

    fn enqueue(&self) -> i64 {
        self.home.enqueue(&["app", "deploy", "web"])
    }

    fn visit(&self) -> String {
        http::get(self.server.http_port, "web.localhost", "/").unwrap().body
    }

    /// The deploy fails so, at this step; and all is as it was.
    #[track_caller]
    fn fails(&self, step: &str, code: &str, texts: &[&str]) -> Said {
        let said = self.deploy();
        println!("---- {code}\n{}", said.err);
        let said = said.exits(1).says(texts).says(&["error: deploy web on prod-1 failed at", "hint: "]);
        let job = self.home.last_job();
        assert_eq!((job.state, job.failure.as_ref().unwrap().code.as_str()), (JobState::Failed, code));
        let runs = self.home.runs(job.id);
        assert!(runs.contains(&format!("{step} 1 failed")), "{runs:?}");
        self.assert_as_before(&job);
        said
    }

    /// Nothing of this failed job is left, and the last good version serves alone.
    #[track_caller]
    fn assert_as_before(&self, job: &Job) {
        let server = &self.server;
        assert_eq!(self.visit(), "hello v1\n");
        assert_eq!((self.home.app("web", "status"), self.home.app("web", "last_deployment")), self.statuses(job));
        assert_eq!(server.exec("docker ps -a --filter label=infrakt.app=web --format '{{.State}}'"), "running");
        assert_eq!(server.exec("ls /opt/infrakt/apps/web/releases"), self.good.to_string());
        assert_eq!(server.exec("readlink /opt/infrakt/apps/web/current"), format!("releases/{}", self.good));
        assert_eq!(server.exec("systemctl list-units --plain --no-legend 'infrakt-*' | wc -l; ls /var/lib/infrakt/steps /run/infrakt | grep -v : | grep . || :"), "0");
        assert_eq!(
            server.exec("ls /opt/infrakt/caddy /etc/caddy | grep -Ev '^(Caddyfile|Caddyfile.previous|/.*|)$' || :"),
            ""
        );
    }

    fn statuses(&self, job: &Job) -> (String, String) {
        let shown =
            self.home.run(&["deployment", "show", &job.deployment_id.unwrap().to_string(), "--json"]).ok().json();
        assert_eq!(shown["status"], "failed");
        ("running".to_owned(), self.home.app("web", "last_deployment"))
    }
}

#[test]
fn an_app_that_is_no_good_is_put_back() {
    let bench = Bench::new("no-good");
    let (server, home) = (&bench.server, &bench.home);
    bench.image("exits-later");
    bench.fails("health", "container_exited", &["ended", "seconds after it had answered", "fatal: ending after 3 s"]);

    bench.image("delay");
    bench.edit(&["--health-timeout", "2s"]);
    bench.fails("health", "no_answer", &["does not answer /up on its port 8080 within 2 s", "--health-timeout"]);

    let sick = "HEALTHCHECK --interval=1s --retries=2 CMD echo no database; exit 1";
    server.exec(&format!(
        "printf 'FROM 127.0.0.1:5000/hello:v1\\n{sick}\\n' | docker build -qt 127.0.0.1:5000/hello:sick - && docker push -q 127.0.0.1:5000/hello:sick"
    ));
    bench.image("sick");
    bench.edit(&["--health", "", "--health-timeout", "10s"]);
    bench.fails("health", "unhealthy", &["the health check of web's own image says unhealthy", "no database"]);

    bench.image("v1");
    bench.edit(&["--publish", "0.0.0.0:9090"]);
    server.exec("systemd-run --unit taken busybox nc -ll -p 9090 -e true");
    server.wait_until("ss -Hltn 'sport = :9090' | grep -q .");
    bench.fails("start", "published_port_taken", &["port 9090 on prod-1 is used by", "--publish"]);
    server.exec("systemctl stop taken");

    bench.edit(&["--publish", ""]);
    bench.image("delay");
    bench.edit(&["--health", "/up", "--health-timeout", "20s"]);
    bench.deploy().ok();
    assert_eq!(bench.visit(), "hello delay\n", "late, but in time");
    assert_eq!(home.last_job().attempt, 0);
}

#[test]
fn a_port_that_somebody_took_is_drawn_anew_and_costs_no_try() {
    let bench = Bench::new("port");
    let (server, home) = (&bench.server, &bench.home);
    let port = || server.exec("docker port infrakt-web-web-1 8080 | sed 's/.*://'");
    let before = port();
    server.exec(&format!(
        "docker rm -f infrakt-web-web-1 && systemd-run --unit taken busybox nc -ll -p {before} -e true"
    ));
    server.wait_until(&format!("ss -Hltn 'sport = :{before}' | grep -q ."));
    bench.image("v2");
    let said = bench.deploy().ok().says(&["is used by", "; drew port "]);
    println!("{}", said.err);
    let job = home.last_job();
    assert_eq!(job.attempt, 0);
    assert_eq!(
        home.runs(job.id),
        ["fetch 1 succeeded", "start 1 failed", "start 2 succeeded", "health 1 succeeded", "route 1 succeeded"]
    );
    assert_ne!(port(), before);
    assert_eq!(bench.visit(), "hello v2\n", "caddy leads to the new port");
    assert_eq!(server.exec("docker ps -aq | wc -l"), "1");
}

#[test]
fn a_proxy_that_refuses_the_routes_keeps_the_ones_before() {
    let bench = Bench::new("refuses");
    let server = &bench.server;
    let managed = "/opt/infrakt/caddy/Caddyfile";
    bench.image("v2");

    let kept = server.exec("cat /etc/caddy/Caddyfile");
    server.exec("echo 'nonsense {' >>/etc/caddy/Caddyfile");
    bench.fails("route", "caddyfile_invalid", &["caddy on prod-1 does not accept the routes", "/etc/caddy/Caddyfile"]);
    server.write("/etc/caddy/Caddyfile", format!("{kept}\n").as_bytes());

    server.exec(
        "mkdir -p /run/systemd/system/caddy.service.d && printf '[Service]\\nExecReload=\\nExecReload=/bin/false\\n' \
         >/run/systemd/system/caddy.service.d/no-reload.conf && systemctl daemon-reload",
    );
    bench.edit(&["--domain", "http://web.localhost", "--domain", "http://other.localhost"]);
    let routes = server.exec(&format!("cat {managed}"));
    bench.fails("route", "caddy_reload", &["the routes before are back", "journalctl -u caddy"]);
    assert_eq!(server.exec(&format!("cat {managed}")), routes);
    server.exec("rm -r /run/systemd/system/caddy.service.d; systemctl daemon-reload");

    server.exec(&format!(
        "printf '\\nhttp://other.localhost {{\\n\\trespond mine\\n}}\\n' >>{managed} && systemctl reload caddy"
    ));
    bench.fails(
        "fetch",
        "domain_taken",
        &["http://other.localhost is in use by a block that infrakt did not write", "--domain"],
    );
    assert_eq!(http::get(server.http_port, "other.localhost", "/").unwrap().body, "mine");

    bench.edit(&["--domain", "http://web.localhost"]);
    bench.deploy().ok();
    assert_eq!(bench.visit(), "hello v2\n");
    assert_eq!(http::get(server.http_port, "other.localhost", "/").unwrap().body, "mine");
}

#[test]
fn a_disk_that_is_full_is_said_wherever_it_is() {
    let bench = Bench::new("full");
    let server = &bench.server;
    let small = |path: &str, size: &str| server.exec(&format!("mount -t tmpfs -o size={size} tmpfs {path}"));
    // Where images are unpacked.
    server.exec("mkdir -p /var/lib/docker/tmp");
    small("/var/lib/docker/tmp", "1m");
    bench.edit(&["--image", "127.0.0.1:5000/big:v1"]);
    bench.fails("fetch", "disk_full", &["the disk of prod-1 is full", "docker system df"]);
    server.exec("umount /var/lib/docker/tmp");
    // Where releases are written: as full as it can be.
    bench.image("v2");
    server.exec("cp -a /opt/infrakt/apps/web /root/web");
    small("/opt/infrakt/apps/web", "64k");
    server.exec("cp -a /root/web/. /opt/infrakt/apps/web/; dd if=/dev/zero of=/opt/infrakt/apps/web/ballast bs=1k 2>/dev/null || :");
    bench.fails("fetch", "disk_full", &["prod-1, whose disk is full (/opt/infrakt/apps/web)", "docker system df"]);
    server.exec("umount /opt/infrakt/apps/web; rm -r /root/web");
    bench.deploy().ok();
    assert_eq!(bench.visit(), "hello v2\n");
}

/// A disk of its own for a home, full while a ballast lies on it.
pub struct SmallDisk(pub tempfile::TempDir);

impl SmallDisk {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(dir.path()).status().unwrap();
        assert!(mounted.success(), "tests on a real server run as root");
        Self(dir)
    }

    pub fn fill(&self) {
        let mut ballast = std::fs::File::create(self.0.path().join("ballast")).unwrap();
        while ballast.write_all(&[0; 1024]).is_ok() {}
    }

    pub fn free(&self) {
        std::fs::remove_file(self.0.path().join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_at_home_is_said_and_loses_nothing() {
    let server = TestServer::ready("at-home");
    let disk = SmallDisk::new();
    let home = Home::at(&disk.0.path().join("home"));
    home.add("prod-1", &server, server.port).ok();
    let image = "127.0.0.1:5001/hello:v2-big";
    home.run(&["app", "create", "web", "--server", "prod-1", "--image", image, "--port", "8080"]).ok();
    server.exec("echo 4000000 >/run/testbed-slow-rate");
    let said = disk.0.path().parent().unwrap().join(format!("{}.said", std::process::id()));
    let waiting = home
        .command(&["app", "deploy", "web", "--wait"])
        .stderr(std::fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    let waiting = Process::new(waiting);
    home.wait_step(1, "fetch");
    server.wait_until("pgrep -fx 'docker pull .*'");
    disk.fill();
    // The pull ends, and cannot be written down.
    server.wait_until("ls /var/lib/infrakt/steps/*/result /var/lib/infrakt/steps/*/exit 2>/dev/null | grep -q .");
    home.run(&["env", "set", "web", "A=1"]).exits(1).says(&["home/envs/", "no space left on device"]);
    let full = ["error: the disk of ", "infrakt.db is full", "hint: free some space there"];
    home.run(&["app", "deploy", "web"]).exits(1).says(&full);
    home.run(&["app", "create", "api", "--server", "prod-1", "--image", "x"]).exits(1).says(&full);
    disk.free();
    assert_eq!(waiting.wait(), Some(0));
    let told = std::fs::read_to_string(&said).unwrap();
    println!("{told}");
    assert!(told.contains("warning: the disk of ") && told.contains("web is running on prod-1"), "{told}");
    assert_eq!(home.runs(1), ["fetch 1 succeeded", "start 1 succeeded", "health 1 succeeded", "route 1 succeeded"]);
    assert_eq!((home.job(1).attempt, home.job(1).rescues), (0, 0));
    home.log(1);
    home.db().check().unwrap();
    home.run(&["env", "set", "web", "A=1"]).ok();
    std::fs::remove_file(said).unwrap();
}

#[test]
fn a_registry_that_is_down_is_tried_again_and_given_up_in_the_end() {
    let bench = Bench::new("registry");
    let server = &bench.server;
    bench.image("v2");
    server.exec("systemctl stop docker-registry");
    let job = bench.enqueue();
    let waiting = bench.home.wait("it backs off", job, |job| job.state == JobState::Queued && job.attempt == 2);
    assert!(waiting.wait_reason.as_ref().unwrap().contains("could not be pulled"), "{waiting:?}");
    println!("{}", bench.home.run(&["job", "list"]).ok().out);
    assert_eq!(bench.visit(), "hello v1\n");

    let ended = bench.home.wait_end(job);
    let said = bench.home.run(&["job", "follow", &job.to_string()]);
    println!("{}", said.err);
    let failed = "error: deploy web on prod-1 failed at `fetch`";
    said.exits(1).says(&[failed, "could not be pulled", "hint: check that prod-1 reaches the registry"]);
    assert_eq!(ended.failure.as_ref().unwrap().class_and_code(), "transient/registry_unreachable");
    let tries: Vec<String> = (1..=5).map(|run| format!("fetch {run} failed")).collect();
    assert_eq!(bench.home.runs(job)[..5], tries);
    bench.assert_as_before(&ended);

    let retry = bench.home.run(&["job", "retry", &job.to_string(), "--no-wait", "--json"]).ok().json();
    let job = retry["job_id"].as_i64().unwrap();
    bench.home.wait("it backs off", job, |job| job.state == JobState::Queued && job.attempt == 1);
    server.exec("systemctl start docker-registry");
    assert_eq!(bench.home.wait_end(job).state, JobState::Succeeded, "{}", bench.home.log(job));
    assert_eq!(bench.visit(), "hello v2\n");
}
