//! What goes wrong with a provisioning, one thing after the other on one server: each says what failed and what to try, leaves what is
//! not ours as it was, and the next one goes on where it stopped.

use crate::support::cli::Home;
use crate::support::http;
use crate::support::server::TestServer;
use infrakt::domain::job::JobState;

/// Holds the locks of apt as another package manager does; perl is all that a bare server has.
const HOLD: &str = r#"
use Fcntl;
my $lock = pack('s s x4 q q l x4', F_WRLCK, 0, 0, 0, 0);
for (@ARGV) { open(my $file, '+>>', $_) or die; push @held, $file; fcntl($file, F_SETLK, $lock) or die "$_: $!"; }
open(my $said, '>', '/run/holding') or die;
sleep;
"#;

/// A web server that was there before.
const LISTEN: &str = r#"
use IO::Socket::INET;
my $socket = IO::Socket::INET->new(LocalPort => $ARGV[0], Listen => 5, ReuseAddr => 1) or die "$!";
sleep;
"#;

struct Bench {
    server: TestServer,
    home: Home,
}

impl Bench {
    fn new(name: &str) -> Self {
        let server = TestServer::bare(name);
        let home = Home::new();
        let (port, key) = (server.port.to_string(), server.key.display().to_string());
        let add = ["server", "add", "prod-1", "--host", &server.host, "--port", &port, "--key", &key];
        home.run(&[&add[..], &["--user", "admin", "--yes"]].concat()).ok();
        Self { server, home }
    }

    /// Somebody listens on this port until the next one does.
    fn take_port(&self, port: u16) {
        self.server.exec(&format!(
            "systemctl stop taken 2>/dev/null; systemd-run -q --unit taken perl /root/listen.pl {port}"
        ));
        self.server.wait_until(&format!("ss -Hltn 'sport = :{port}' | grep -q ."));
    }

    fn enqueue(&self) -> i64 {
        self.home.enqueue(&["server", "provision", "prod-1"])
    }

    /// The provisioning ends so, at this step.
    #[track_caller]
    fn assert_failed(&self, job: i64, step: &str, code: &str, texts: &[&str]) {
        let job = self.home.wait_end(job);
        let said = self.home.run(&["job", "follow", &job.id.to_string()]);
        println!("---- {code}\n{}", said.err);
        said.exits(1).says(texts).says(&[&format!("provision prod-1 failed at `{step}`"), "hint: "]);
        assert_eq!(job.failure.as_ref().unwrap().code, code, "{job:?}");
        assert_eq!(job.state, JobState::Failed);
        assert!(self.home.runs(job.id).contains(&format!("{step} 1 failed")), "{:?}", self.home.runs(job.id));
        // The farewell comes behind the job's end.
        let units = "systemctl list-units --all --plain --no-legend 'infrakt-*'";
        self.server.wait_until(&format!("[ -z \"$(ls -A /var/lib/infrakt/steps; {units})\" ]"));
        let shown = self.home.run(&["server", "show", "prod-1", "--json"]).ok().json();
        assert_eq!(shown["status"], "inactive");
    }

    #[track_caller]
    fn fails(&self, step: &str, code: &str, texts: &[&str]) {
        self.assert_failed(self.enqueue(), step, code, texts);
    }
}

#[test]
fn podman_is_named_as_what_provides_docker_and_nothing_is_installed_over_it() {
    let bench = Bench::new("prov-podman");
    // What Debian's package is: a program of podman's under docker's name.
    bench.server.exec(
        r#"mkdir -p /root/p/DEBIAN /root/p/usr/bin && cd /root
         printf 'Package: podman-docker\nVersion: 5.4\nArchitecture: all\nMaintainer: m <m@example.com>\nDescription: d\n' >p/DEBIAN/control
         printf '#!/bin/sh\necho "Emulate Docker CLI using podman." >&2\n[ "$*" != --version ] || echo "podman version 5.4.2"\n' >p/usr/bin/docker
         chmod 755 p/usr/bin/docker; dpkg-deb -b p p.deb >/dev/null; dpkg -i p.deb"#,
    );
    let hint = "`apt-get remove podman-docker` there and provision again";
    bench.fails("docker", "docker_foreign", &["`docker` on prod-1 is podman", hint]);
    assert_eq!(bench.server.exec("dpkg-query -W docker.io docker-ce 2>/dev/null || :"), "");
    // A link of a person's own to podman is the same.
    bench.server.exec(
        "dpkg -r podman-docker; cp /root/p/usr/bin/docker /usr/local/bin/podman; ln -s podman /usr/local/bin/docker",
    );
    bench.fails("docker", "docker_foreign", &["`docker` on prod-1 is podman", "remove what stands under that name"]);
}

#[test]
fn sudo_that_wants_a_terminal_is_named_on_a_server_that_does_not_know_its_own_name() {
    let server = TestServer::bare("tty");
    server.exec("echo 'Defaults requiretty' >/etc/sudoers.d/tty; hostname prod-1.invalid");
    let (port, key) = (server.port.to_string(), server.key.display().to_string());
    let add = ["server", "add", "prod-1", "--host", &server.host, "--port", &port, "--key", &key, "--user", "admin"];
    let refused = Home::new().run(&[&add[..], &["--yes"]].concat()).exits(1);
    assert!(!refused.err.contains("resolve"), "{}", refused.err);
    refused.says(&["you must have a tty to run sudo", "!requiretty"]);
}

#[test]
fn what_goes_wrong_with_a_provisioning_says_so_and_the_next_one_goes_on_there() {
    let bench = Bench::new("prov-wrong");
    let (server, home) = (&bench.server, &bench.home);

    // Somebody else installs: it is said by whom, and waited for.
    server.write("/root/hold.pl", HOLD.as_bytes());
    server.exec("systemd-run -q --unit holder perl /root/hold.pl /var/lib/dpkg/lock-frontend /var/lib/apt/lists/lock");
    server.wait_until("[ -e /run/holding ]");
    server.write("/root/listen.pl", LISTEN.as_bytes());
    bench.take_port(80);
    let job = bench.enqueue();
    home.wait("it says what it waits for", job, |job| {
        job.state.is_final()
            || home.log(job.id).contains("waiting for another program that installs packages: perl (pid ")
    });
    assert_eq!(home.job(job).state, JobState::Running, "{}", home.log(job));
    server.exec("systemctl stop holder");

    // A web server of somebody's has the web's ports: Caddy is not even installed.
    bench.assert_failed(
        job,
        "caddy",
        "web_port_taken",
        &["port 80 of prod-1 is used by perl (pid ", "provision again"],
    );
    assert!(home.runs(job).contains(&"packages 1 succeeded".to_owned()), "{:?}", home.runs(job));
    assert_eq!(home.log(job).matches("waiting for another program").count(), 1, "{}", home.log(job));
    bench.take_port(443);
    bench.fails("caddy", "web_port_taken", &["port 443 of prod-1 is used by perl (pid "]);
    assert_eq!(server.exec("systemctl stop taken; dpkg-query -W caddy 2>/dev/null || :"), "");

    // Full disks: where packages are kept, and where ours is written.
    server.exec("mount -t tmpfs -o size=1m tmpfs /var/cache/apt/archives");
    bench.fails("caddy", "disk_full", &["the disk of prod-1 is full (/var/cache/apt/archives)", "free some space"]);
    server.exec("umount /var/cache/apt/archives; mkdir -p /opt/infrakt && mount -t tmpfs -o size=64k tmpfs /opt/infrakt && head -c 65536 /dev/zero >/opt/infrakt/ballast");
    // The main file is somebody's: one site without braces, which takes no import.
    let own = "http://mine.localhost\nrespond mine\n";
    server.write("/etc/caddy/Caddyfile", own.as_bytes());
    bench.fails("caddyfile", "disk_full", &["prod-1, whose disk is full (/opt/infrakt)", "free some space"]);
    assert_eq!(server.exec("ls /opt/infrakt/caddy"), "");
    server.exec("umount /opt/infrakt");

    bench.fails(
        "import",
        "caddyfile_invalid",
        &[
            "caddy does not accept /etc/caddy/Caddyfile with our import",
            "put braces around the site",
            "the file was not changed",
        ],
    );
    assert_eq!(
        server
            .exec("cat /etc/caddy/Caddyfile; ls -A /etc/caddy /opt/infrakt/caddy | grep -vE '^(Caddyfile(.dpkg-dist)?|/.*|)$' || :"),
        own.trim_end()
    );
    let visit = || http::get(server.http_port, "mine.localhost", "/").unwrap().body;
    assert_eq!(visit(), "mine");

    // Whoever we come as may do nothing any more.
    server.exec("mv /etc/sudoers.d/admin /root/kept");
    let job = home.wait_end(bench.enqueue());
    let said = home.run(&["job", "follow", &job.id.to_string()]);
    println!("---- no sudo\n{}", said.err);
    said.says(&["sudo", "hint: "]);
    assert_eq!((job.state, job.attempt), (JobState::Failed, 0), "{job:?}");
}
