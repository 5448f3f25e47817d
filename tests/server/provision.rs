//! Provisioning a bare server, with its process killed again and again, and with a reboot in the middle.

use crate::support::cli::Home;
use crate::support::server::{Reboot, TestServer};
use infrakt::domain::job::JobState;
use std::collections::BTreeMap;
use std::time::Duration;

const STEPS: [&str; 8] = ["packages", "docker", "caddy", "fail2ban", "firewall", "folders", "caddyfile", "import"];

/// How often each step's body has begun, from the server's own record.
fn begun(server: &TestServer) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for line in server.exec("cat /var/lib/infrakt/history").lines() {
        let id = line.split_whitespace().next().unwrap().to_owned();
        *times.entry(id).or_default() += 1;
    }
    times
}

#[track_caller]
fn assert_provisioned(server: &TestServer) {
    let state = server.exec(
        "systemctl is-active docker caddy fail2ban; docker compose version --short; ufw status | grep -E '^(22|80|443)(/tcp)? +ALLOW' | wc -l;
         ls -d /opt/infrakt/apps /opt/infrakt/caddy /opt/infrakt/backups | wc -l; grep -c 'import /opt/infrakt/caddy/Caddyfile' /etc/caddy/Caddyfile;
         systemctl list-units --all --plain --no-legend 'infrakt-firewall*' | wc -l",
    );
    let lines: Vec<&str> = state.lines().collect();
    assert_eq!(lines[..3], ["active"; 3], "{state}");
    assert_eq!(lines[4..], ["3", "3", "1", "0"], "{state}");
}

/// Draws kill times: other moments in each run, whose seed is printed.
fn delays() -> impl Iterator<Item = Duration> {
    let mut seed =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos() as u64 | 1;
    println!("seed {seed}");
    std::iter::from_fn(move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        Some(Duration::from_millis(200 + seed % 3_000))
    })
}

#[test]
fn ten_kills_at_random_moments_run_no_step_twice_and_the_server_ends_up_provisioned() {
    let mut delays = delays();
    let mut kills = 0;
    // A quick machine has provisioned its server before the tenth: the others meet the next one.
    while kills < 10 {
        let more = kills_while_provisioning(&mut delays);
        assert!(more > 0, "it was provisioned before the first kill");
        kills += more;
    }
    println!("killed {kills} times");
}

/// One server, from bare to provisioned, by workers that are killed: how many of them.
fn kills_while_provisioning(delays: &mut impl Iterator<Item = Duration>) -> usize {
    let server = TestServer::bare("kills");
    let home = Home::with(&[("prod-1", &server)]);
    let job = home.enqueue(&["server", "provision", "prod-1"]);
    let mut kills = 0;
    for delay in delays {
        let seen = home.job(job);
        if seen.state.is_final() {
            break;
        }
        if seen.state == JobState::Attention {
            // Five take-overs within one step: a person is asked.
            home.run(&["job", "resolve", &job.to_string(), "--rerun"]).ok();
        }
        let worker = home.worker();
        park(delay);
        worker.kill();
        kills += 1;
        // Whom a command started, too.
        kill_workers(&home);
    }
    let ended = home.job(job);
    assert_eq!(ended.state, JobState::Succeeded, "{:?}\n{}", ended.failure, home.log(job));
    let runs = home.runs(job);
    let expected: Vec<String> = STEPS.iter().map(|name| format!("{name} 1 succeeded")).collect();
    assert_eq!(runs, expected);
    let begun = begun(&server);
    assert_eq!(begun.len(), STEPS.len(), "{begun:?}");
    assert!(begun.values().all(|times| *times == 1), "{begun:?}");
    assert_provisioned(&server);
    // A step of apt prints each package once: neither a gap nor a double line.
    let log = home.log(job);
    for package in ["Setting up docker.io ", "Setting up caddy ", "Setting up fail2ban ", "Setting up ufw "] {
        assert_eq!(log.matches(package).count(), 1, "{package}");
    }
    home.run(&["server", "show", "prod-1"]).ok();
    let again = home.run(&["server", "provision", "prod-1", "--wait"]).ok();
    assert_eq!(again.err.matches(" skipped ").count(), STEPS.len(), "{}", again.err);
    kills
}

fn park(time: Duration) {
    let end = std::time::Instant::now() + time;
    while let Some(left) = end.checked_duration_since(std::time::Instant::now()) {
        std::thread::park_timeout(left);
    }
}

fn kill_workers(home: &Home) {
    for worker in infrakt::queue::worker::living(&home.db(), &home.path().join("run")).unwrap() {
        // SAFETY: kill has no memory to harm; the process lives, as its lock says, and is this home's.
        unsafe { libc::kill(worker.pid as i32, libc::SIGKILL) };
    }
}

#[test]
fn a_reboot_in_the_middle_goes_on_and_the_firewall_lets_us_in() {
    let server = TestServer::bare("midboot");
    let home = Home::with(&[("prod-1", &server)]);
    let job = home.enqueue(&["server", "provision", "prod-1"]);
    home.wait_step(job, "docker");
    server.wait_until("pgrep -x apt-get || pgrep -x dpkg");
    server.reboot(Reboot::Hard);
    let ended = home.wait_end(job);
    assert_eq!(ended.state, JobState::Succeeded, "{:?}\n{}", ended.failure, home.log(job));
    assert!(home.runs(job).contains(&"docker 1 lost".to_owned()), "{:?}", home.runs(job));
    assert_provisioned(&server);
    server.reboot(Reboot::Soft);
    let status = home.run(&["server", "status", "prod-1", "--json"]).ok();
    assert!(status.out.contains("docker"), "{}", status.out);
}

#[test]
fn a_user_with_sudo_provisions_and_one_without_is_told_so() {
    let server = TestServer::ready("sudo");
    let home = Home::new();
    let (port, key) = (server.port.to_string(), server.key.display().to_string());
    let add = |name: &str, user: &str| {
        home.run(&[
            "server",
            "add",
            name,
            "--host",
            &server.host,
            "--port",
            &port,
            "--key",
            &key,
            "--user",
            user,
            "--yes",
        ])
    };
    add("prod-1", "admin").ok();
    home.run(&["server", "provision", "prod-1", "--wait"]).ok();
    add("prod-2", "plain").exits(1).says(&["sudo"]);
}

#[test]
fn provisioning_clears_away_what_jobs_of_long_ago_left_and_nothing_younger() {
    let server = TestServer::ready("left");
    let home = Home::with(&[("prod-1", &server)]);
    // jobs of homes that are no more
    let (old, young) = ("11111111-1111-4111-8111-111111111111-1-1", "22222222-2222-4222-8222-222222222222-1-1");
    server.exec(&format!(
        "cd /var/lib/infrakt 2>/dev/null || {{ mkdir -m 700 /var/lib/infrakt; cd /var/lib/infrakt; }}
         mkdir -p steps/{old} steps/{young} bin; echo x >steps/{old}/log; echo x >bin/infrakt-step-000000000000
         touch -d '40 days ago' steps/{old} bin/infrakt-step-000000000000; touch -d '20 days ago' steps/{young}"
    ));
    let job = home.enqueue(&["server", "provision", "prod-1"]);
    let ended = home.wait_end(job);
    assert_eq!(ended.state, JobState::Succeeded, "{:?}\n{}", ended.failure, home.log(job));
    server.wait_until("[ ! -e /var/lib/infrakt/lane ]"); // the farewell comes behind the job's end
    assert_eq!(server.exec("cd /var/lib/infrakt; ls steps; ls bin | wc -l"), format!("{young}\n1"));
}

#[test]
fn another_system_is_refused_and_left_as_it_is() {
    let server = TestServer::bare("system");
    let home = Home::with(&[("prod-1", &server)]);
    let packages = || server.exec("dpkg-query -W | sha256sum");
    let before = packages();
    server.exec("rm /etc/os-release && echo ID=alpine >/etc/os-release");
    home.run(&["server", "provision", "prod-1", "--wait"])
        .exits(1)
        .says(&["prod-1 runs alpine: infrakt provisions Debian and Ubuntu; nothing was changed"]);
    assert_eq!(home.run(&["server", "show", "prod-1", "--json"]).ok().json()["status"], "inactive");
    assert_eq!(packages(), before);
}
