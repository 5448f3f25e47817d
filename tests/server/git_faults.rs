//! What goes wrong with deploys from git: how it reads, what it leaves (nothing), and what serves afterwards (the version before).

use crate::git::{HELLO, create, deploy, last_deployment, visit, with_app};
use crate::support::cli::Home;
use crate::support::server::TestServer;
use infrakt::domain::job::JobState;

/// Repositories beside the samples: one that is empty, and branches of hello.git for builds and starts that go wrong.
const MORE: &str = r#"
export HOME=/root GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t
git init -q --bare /srv/git/blank.git
git clone -q /srv/git/hello.git /tmp/more && cd /tmp/more
branch() { git checkout -qf -b "$1" origin/main && cat >>Dockerfile && git add -A && git commit -qm "$1"; }
branch hungry <<'X'
RUN trap 'go=1' USR1; while [ -z "$go" ]; do sleep 0.2; done; tail /dev/zero
X
branch exits <<'X'
ENV EXIT_AT_ONCE=7
X
branch no-base <<'X'
FROM 127.0.0.1:5000/nowhere:v1
X
git push -q --all && git -C /srv/git/hello.git update-server-info
"#;

/// Gives the build of `hungry` 32 MB, and lets it eat: the kernel ends it.
const STARVE: &str = r#"
for i in $(seq 150); do pid=$(pgrep -fo "trap 'go=1' USR[1]") && pgrep -P "$pid" sleep >/dev/null && break; sleep 0.2; done
group=$(sed -n 's/^[0-9]*:memory://p' /proc/$pid/cgroup)
if [ "$group" ]; then
  echo 32M >/sys/fs/cgroup/memory$group/memory.limit_in_bytes
else
  echo 32M >/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/$pid/cgroup)/memory.max
fi
kill -USR1 $pid"#;

/// A front of the git server that stops after 200 kB of an answer, and keeps the line.
const STALL: &str = r#"
import socket, threading
def pump(source, sink, room):
    while room > 0 and (data := source.recv(min(room, 16384))):
        sink.sendall(data)
        room -= len(data)
    if room > 0:
        sink.shutdown(socket.SHUT_WR)
held, door = [], socket.create_server(("127.0.0.1", 9420))
while True:
    client, server = door.accept()[0], socket.create_connection(("127.0.0.1", 9418))
    held += [client, server]
    threading.Thread(target=pump, args=(client, server, 1 << 40)).start()
    threading.Thread(target=pump, args=(server, client, 200000)).start()
"#;

/// The same over ssh, for a key of the server's own: its git stops, and sshd does not.
const STALL_OVER_SSH: &str = r#"
export HOME=/root GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t
git clone -q /srv/git/hello.git /tmp/big && cd /tmp/big && head -c 3000000 /dev/urandom >big && git add big && git commit -qm big && git push -q
printf '#!/bin/sh\nsh -c "$SSH_ORIGINAL_COMMAND" | { stdbuf -o0 head -c 200000; read -r more && sleep 600; }\n' >/root/stall && chmod 755 /root/stall
ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
echo "command=\"/root/stall\" $(cat /root/.ssh/id_ed25519.pub)" >>/root/.ssh/authorized_keys
"#;

/// A git server over http that wants the login `me` with this password.
const PASSWORD: &str = "t0ken-4711@abcdef";

fn guard_repositories(server: &TestServer) {
    server.write(
        "/root/Guarded",
        b"{\n\tadmin off\n}\n:8419 {\n\tbind 127.0.0.1\n\tbasicauth {\n\t\tme HASH\n\t}\n\troot * /srv/git\n\tfile_server\n}\n",
    );
    server.exec(&format!(
        "hash=$(caddy hash-password --plaintext '{PASSWORD}') && sed -i \"s|HASH|$hash|\" /root/Guarded && \
         systemd-run -q --unit guarded caddy run --adapter caddyfile --config /root/Guarded"
    ));
    server.wait_until("curl -s -o /dev/null http://127.0.0.1:8419/");
}

/// The first deployment serves as if nothing had happened.
#[track_caller]
fn assert_first_serves_alone(server: &TestServer, home: &Home, head: &str) {
    assert_eq!(visit(server, "/"), "hello git-v2\n");
    assert_eq!(home.app("web", "status"), "running");
    assert_eq!(server.exec("docker ps -a --format '{{.Label \"infrakt.app\"}} {{.State}}'"), "web running");
    assert_eq!(
        server.exec("cd /opt/infrakt/apps/web; ls; ls releases"),
        "current\ndocker-compose.yml\nreleases\nrepo\n1"
    );
    assert_eq!(
        server.exec("docker images --format '{{.Repository}}:{{.Tag}}' | grep ^infrakt/"),
        "infrakt/infrakt-web:1"
    );
    assert_eq!(
        server.exec("docker inspect -f '{{.Image}}' $(docker ps -q)"),
        server.exec("docker inspect -f '{{.Id}}' infrakt/infrakt-web:1")
    );
    assert_eq!(server.exec("cd /opt/infrakt/apps/web/repo; git rev-parse HEAD; git status --porcelain"), head);
}

/// Address, what else is said, where it fails and how, and what a person reads.
type Case = (&'static str, &'static [&'static str], &'static str, &'static str, &'static [&'static str]);

#[test]
fn what_goes_wrong_with_a_repository_or_its_build_says_so_and_the_version_before_serves() {
    let mut servers = TestServer::crowd("gitwrong", 2);
    let (far, server) = (servers.pop().unwrap(), servers.pop().unwrap());
    server.exec(MORE);
    guard_repositories(&server);
    let home = with_app(&server, HELLO);
    deploy(&home, &[]).ok();
    let head = server.exec("git -C /srv/git/hello.git rev-parse main");
    let cases: [Case; 12] = [
        (
            "git://127.0.0.1/none.git",
            &[],
            "fetch",
            "repository_missing",
            &["there is no repository git://127.0.0.1/none.git"],
        ),
        (
            "http://127.0.0.1:8418/none.git",
            &[],
            "fetch",
            "repository_missing",
            &["or it needs a login", "git ls-remote"],
        ),
        (HELLO, &["--branch", "nowhere"], "fetch", "branch_missing", &["has no branch or tag nowhere", "main", "next"]),
        (
            HELLO,
            &["--commit", "0123456789abcdef0123456789abcdef01234567"],
            "fetch",
            "commit_missing",
            &["has no commit 0123"],
        ),
        (
            "http://127.0.0.1:8419/hello.git",
            &[],
            "fetch",
            "repository_denied",
            &["the login to", "was refused", "--git https://"],
        ),
        (
            "http://me:wr0ng-password@127.0.0.1:8419/hello.git",
            &[],
            "fetch",
            "repository_denied",
            &["the login to", "was refused"],
        ),
        (
            "ssh://root@127.0.0.1/srv/git/hello.git",
            &[],
            "fetch",
            "repository_denied",
            &["the login of prod-1", "ssh-keygen"],
        ),
        ("git://127.0.0.1/blank.git", &[], "fetch", "repository_empty", &["is empty", "push something"]),
        ("git://127.0.0.1/empty.git", &[], "fetch", "nothing_to_build", &["neither a Dockerfile nor a compose file"]),
        (
            HELLO,
            &["--branch", "broken"],
            "build",
            "build_failed",
            &["this build is broken", "exit code: 5", "docker build"],
        ),
        (HELLO, &["--branch", "no-base"], "build", "image_missing", &["there is no image 127.0.0.1:5000/nowhere:v1"]),
        (HELLO, &["--branch", "exits"], "start", "container_exited", &["exit code 7", "fatal: cannot go on"]),
    ];
    for (job, (url, more, step, code, texts)) in (2..).zip(cases) {
        println!("{url} {more:?}");
        home.run(&["app", "edit", "web", "--git", url]).ok();
        let said = deploy(&home, more).exits(1).says(texts).says(&[&format!("failed at `{step}`"), "hint: "]);
        assert!(!said.err.contains("wr0ng"), "{}", said.err);
        let job = home.job(job);
        assert_eq!(job.failure.unwrap().class_and_code(), format!("permanent/{code}"));
        assert_eq!(last_deployment(&home)["status"], "failed");
        assert_first_serves_alone(&server, &home, &head);
    }

    println!("the build has no memory");
    home.run(&["app", "edit", "web", "--git", HELLO]).ok();
    let job = home.enqueue(&["app", "deploy", "web", "--branch", "hungry"]);
    home.wait_step(job, "build");
    server.exec(STARVE);
    assert_eq!(home.wait_end(job).failure.unwrap().class_and_code(), "permanent/build_out_of_memory");
    let texts = ["failed at `build`", "the build of web was killed", "hint: give the server more memory or swap"];
    home.run(&["job", "follow", &job.to_string()]).exits(1).says(&texts);
    assert_first_serves_alone(&server, &home, &head);

    println!("the disk is full");
    server.exec(
        "cd /tmp/more && git checkout -qf -b big origin/main && head -c 3000000 /dev/urandom >big && git add -A && \
         git -c user.name=t -c user.email=t@t commit -qm big && git push -q origin big
         cd /opt/infrakt/apps/web && cp -a repo /root/repo && room=$(($(du -sk repo | cut -f1) + 500)) && \
         mount -t tmpfs -o size=${room}k tmpfs repo && cp -a /root/repo/. repo/",
    );
    deploy(&home, &["--branch", "big"]).exits(1).says(&["failed at `fetch`", "the disk of prod-1 is full", "hint: "]);
    assert_first_serves_alone(&server, &home, &head);
    server.exec("umount /opt/infrakt/apps/web/repo");

    println!("the git server hangs");
    server.exec("systemd-run -q --unit mute python3 -c 'import socket,time; s=socket.create_server((\"127.0.0.1\",9419)); time.sleep(9999)'");
    home.run(&["app", "edit", "web", "--git", "git://127.0.0.1:9419/hello.git"]).ok();
    let job = home.enqueue(&["app", "deploy", "web"]);
    let worker = home.worker();
    let waiting = home.wait("it is to be tried again", job, |job| job.attempt == 1 || job.state.is_final());
    assert_eq!(waiting.state, JobState::Queued);
    assert!(waiting.wait_reason.is_some_and(|why| why.contains("does not answer prod-1")));
    home.run(&["job", "cancel", &job.to_string()]);
    assert_eq!(home.wait_end(job).state, JobState::Cancelled);
    assert_first_serves_alone(&server, &home, &head);
    drop(worker);

    println!("the git server stops in the middle");
    server.write("/root/stall.py", STALL.as_bytes());
    server.exec("systemd-run -q --unit stall python3 /root/stall.py");
    server.wait_until("ss -Hltn 'sport = :9420' | grep -q .");
    home.run(&["app", "edit", "web", "--git", "git://127.0.0.1:9420/hello.git"]).ok();
    let job = home.enqueue(&["app", "deploy", "web", "--branch", "big"]);
    println!("and so does one over ssh");
    far.exec(STALL_OVER_SSH);
    home.add("prod-2", &far, far.port).ok();
    home.run(&[
        "app",
        "create",
        "far",
        "--server",
        "prod-2",
        "--git",
        "root@127.0.0.1:/srv/git/hello.git",
        "--port",
        "8080",
    ])
    .ok();
    let over_ssh = home.enqueue(&["app", "deploy", "far"]);
    for (job, server) in [(job, &server), (over_ssh, &far)] {
        // The next try may have begun when this is seen.
        home.wait("its first try is over", job, |job| job.attempt >= 1 || job.state.is_final());
        home.run(&["job", "cancel", &job.to_string()]);
        assert_eq!(home.wait_end(job).state, JobState::Cancelled);
        let reasons = home.reasons(job);
        assert!(reasons[0].contains("nothing came from it for 60 s"), "{reasons:?}");
        assert_eq!(server.exec("pgrep -fc '^git.*fetc[h]|^ssh .*git-upload-pac[k]' || :"), "0");
    }
    assert_first_serves_alone(&server, &home, &head);
    assert_eq!(far.exec("ls /opt/infrakt/apps"), "");

    // A first deploy that fails leaves nothing at all.
    create(&home, "api", HELLO).ok();
    home.run(&["app", "deploy", "api", "--branch", "broken", "--wait"]).exits(1);
    assert_eq!(home.app("api", "status"), "error");
    assert_first_serves_alone(&server, &home, &head);
    assert_eq!(server.exec("ls /opt/infrakt/apps"), "web");
}

#[test]
fn a_login_fetches_and_is_nowhere_afterwards_and_a_key_of_the_servers_fetches_over_ssh() {
    let server = TestServer::ready("gitlogin");
    guard_repositories(&server);
    let home = with_app(&server, "http://me:t0ken-4711%40abcdef@127.0.0.1:8419/hello.git");
    // What the first release left: the login in the checkout, files for root alone, and a container's own file between them.
    server.exec(&format!(
        "mkdir -p /opt/infrakt/apps/web && cd /opt/infrakt/apps/web && umask 077 && \
         git clone -q 'http://me:{}@127.0.0.1:8419/hello.git' repo && git -C repo reset -q --hard v1 && echo kept >repo/data",
        PASSWORD.replace('@', "%40")
    ));
    // Arguments and environments of all that runs meanwhile.
    server.exec("systemd-run -q --unit watch sh -c 'while :; do ps axwwe -o args >>/root/seen; done'");
    let said = deploy(&home, &[]).ok();
    assert_eq!(visit(&server, "/"), "hello git-v2\n");
    let modes =
        "cd /opt/infrakt/apps/web/repo && stat -c '%a %n' . app Dockerfile data && cat data && git status --porcelain";
    assert_eq!(server.exec(modes), "755 .\n755 app\n644 Dockerfile\n600 data\nkept\n?? data");
    assert_eq!(server.exec("docker run --rm -u 65534 infrakt/infrakt-web:1 cat /bin/answer | head -n 1"), "#!/bin/sh");
    deploy(&home, &["--branch", "next"]).ok();
    assert_eq!(visit(&server, "/"), "hello git-next\n");
    server.exec("systemctl stop watch; grep -q 'git.*fetch' /root/seen");
    assert_eq!(
        server.exec("grep -rlsI 't0ken-4711\\|OmU6dDBrZW4tNDcxMQ\\|bWU6dDBrZW4t' /root /opt /var/lib/infrakt /run /tmp /etc /var/log || :"),
        ""
    );
    assert_eq!(server.exec("journalctl --no-pager | grep -c t0ken-4711 || :"), "0");
    assert!(!said.err.contains("t0ken") && !home.log(1).contains("t0ken"), "{}", said.err);
    for file in ["infrakt.db", "infrakt.db-wal"] {
        let bytes = std::fs::read(home.path().join(file)).unwrap_or_default();
        assert!(!bytes.windows(10).any(|part| part == b"t0ken-4711"), "{file}");
    }

    server.exec("ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 && cat /root/.ssh/id_ed25519.pub >>/root/.ssh/authorized_keys");
    home.run(&["app", "edit", "web", "--git", "root@127.0.0.1:/srv/git/hello.git", "--branch", "v1"]).ok();
    deploy(&home, &[]).ok();
    assert_eq!(visit(&server, "/"), "hello git-v1\n");

    // Two apps with the same port in their containers, side by side.
    create(&home, "other", HELLO).ok();
    home.run(&["app", "deploy", "other", "--wait"]).ok();
    let other = crate::support::http::get(server.http_port, "other.localhost", "/").unwrap().body;
    assert_eq!((other.as_str(), visit(&server, "/").as_str()), ("hello git-v2\n", "hello git-v1\n"));
}
