//! What is there when a job is over, as text that two runs have in common: on the server, and in the tables.

use crate::support::cli::Home;
use crate::support::server::TestServer;
use infrakt::domain::deployment::DeploymentStatus;
use infrakt::store::{Page, apps, deployments, jobs, lanes, logs, servers, workers};

/// Containers, networks, volumes, units, files and their contents, and what a killed process could have left anywhere.
const ON_THE_SERVER: &str = r##"
echo "# containers"
docker ps -a --no-trunc --format '{{.Label "infrakt.app"}} of {{.Label "infrakt.installation"}}, deployment {{.Label "infrakt.deployment"}}, job {{.Label "infrakt.job"}}: {{.Names}} {{.State}} {{.Ports}} {{.Image}}'
docker ps -aq | xargs -r docker inspect -f '{{.Name}} in{{range $name, $_ := .NetworkSettings.Networks}} {{$name}}{{end}}'
echo "# networks, volumes"
docker network ls --format '{{.Name}}' | sort
docker volume ls -q
echo "# units"
systemctl list-units --all --plain --no-legend 'infrakt-*'
ls /etc/systemd/system | grep infrakt || :
echo "# files"
current=$(readlink /opt/infrakt/apps/web/current || :)
cd /
find opt/infrakt var/lib/infrakt run/infrakt etc/caddy etc/ufw etc/default/ufw etc/fail2ban/jail.d etc/apt/sources.list.d etc/apt/keyrings -printf '%y %m %u %p %l\n' 2>/dev/null |
  grep -Ev "releases/[0-9]+(/|$| )" | sort
[ -z "$current" ] || find "opt/infrakt/apps/web/$current" -printf '%y %m %u %P\n' | sort
find /tmp -maxdepth 1 -name 'tmp.*'
for file in /etc/caddy/Caddyfile /opt/infrakt/caddy/Caddyfile /opt/infrakt/apps/web/current/* /opt/infrakt/apps/web/current/.env; do
  [ ! -f "$file" ] || { echo "# $file"; cat "$file"; }
done
ufw status
"##;

/// The releases that are kept are those of the last deployments that succeeded.
fn releases(home: &Home, server: &TestServer) {
    let list = home.db().read(|conn| deployments::list(conn, None, Page::all())).unwrap();
    let mut good: Vec<i64> = list.iter().filter(|d| d.status == DeploymentStatus::Success).map(|d| d.id).collect();
    good.sort_unstable();
    let kept: Vec<String> = good[good.len().saturating_sub(5)..].iter().map(i64::to_string).collect();
    let there = server.exec("ls /opt/infrakt/apps/web/releases 2>/dev/null | sort -n || :");
    assert_eq!(there.lines().collect::<Vec<_>>(), kept);
    // A repository's images go with their releases.
    let images = "docker images --format '{{.Repository}}:{{.Tag}}' | sed -n 's|^infrakt/infrakt-web:||p' | sort -n";
    let built = server.exec(images);
    assert!(
        built.is_empty() || built.lines().eq(kept.iter().map(String::as_str)),
        "images {built:?}, releases {kept:?}"
    );
    let serves = good.last().map(|id| format!("releases/{id}")).unwrap_or_default();
    assert_eq!(server.exec("readlink /opt/infrakt/apps/web/current || :"), serves);
}

pub fn on_server(home: &Home, server: &TestServer) -> String {
    releases(home, server);
    alike(&server.exec(ON_THE_SERVER))
}

pub fn in_tables(home: &Home, id: i64) -> String {
    let job = home.job(id);
    let db = home.db();
    let mut text = format!("job {} {}\n", job.kind.as_str(), job.state.as_str());
    let mut line = |of: String| {
        text.push_str(&of);
        text.push('\n');
    };
    line(format!("failure {:?}, cancel {:?}", job.failure, job.cancel_at));
    line(format!("worker {:?}, lease {:?}, result {:?}", job.worker, job.lease_until, job.result));
    for step in home.steps(id) {
        let end = (step.exit_code, &step.exit_reason, &step.output);
        line(format!("step {}.{} {} {} {end:?}", step.seq, step.run, step.name, step.state));
        assert!(step.finished_at.is_some());
    }
    let lane = db.read(|conn| lanes::find(conn, &job.lane)).unwrap().unwrap();
    line(format!("lane runs {:?}, held by {:?}, paused {:?}", lane.running_job, lane.held_by, lane.pause_reason));
    if let Some(deployment) = job.deployment_id {
        let deployment = db.read(|conn| deployments::find(conn, deployment)).unwrap().unwrap();
        assert!(deployment.finished_at.is_some());
        line(format!("deployment {} {:?} {:?}", deployment.status, deployment.images, deployment.commit_subject));
    }
    if let Some(app) = job.app_id {
        line(format!("app {}", db.read(|conn| apps::find(conn, app)).unwrap().unwrap().status));
    }
    let server = db.read(|conn| servers::find(conn, job.server_id.unwrap())).unwrap().unwrap();
    line(format!("server {}", server.status));
    line(format!("running {}", db.read(jobs::running).unwrap().len()));
    line(format!("workers {}", db.read(workers::list).unwrap().len()));
    let left = std::fs::read_dir(home.path().join("run")).unwrap().count();
    line(format!("files in run/ {left}"));
    // Dense as it should be, says this; and byte for byte what the steps printed, without infrakt's own notes.
    home.log(id);
    let chunks = db.read(|conn| logs::after(conn, id, 0, 1_000_000)).unwrap();
    let said: Vec<u8> = chunks.into_iter().filter(|c| c.step_seq.is_some()).flat_map(|c| c.bytes).collect();
    text.push_str(&String::from_utf8_lossy(&said));
    alike(&text)
}

/// Without what differs between any two runs: ids that are drawn, and numbers that count deployments and jobs.
fn alike(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines().filter(|line| !is_of_a_build(line)) {
        let mut line = hide_hex(line);
        for word in ["deployment ", "infrakt.deployment: \"", "releases/", "N=\"", "infrakt/infrakt-web:"] {
            line = hide_number(&line, word);
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// Whether BuildKit says this (`#7 CACHED`): in the order in which it got to it, and as often as it had time to.
fn is_of_a_build(line: &str) -> bool {
    line.strip_prefix('#').and_then(|rest| rest.split_once(' ')).is_some_and(|(n, _)| n.parse::<u32>().is_ok())
}

/// Runs of 12 and more of `[0-9a-f-]` with a digit in them, as in uuids and digests.
fn hide_hex(line: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    for c in line.chars().chain(['\0']) {
        if c.is_ascii_digit() || ('a'..='f').contains(&c) || (c == '-' && !run.is_empty()) {
            run.push(c);
            continue;
        }
        if run.len() >= 12 && run.contains(|c: char| c.is_ascii_digit()) {
            out.push('#');
        } else {
            out.push_str(&run);
        }
        run.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

fn hide_number(line: &str, before: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(before) {
        let (head, tail) = rest.split_at(at + before.len());
        out.push_str(head);
        let digits = tail.chars().take_while(char::is_ascii_digit).count();
        if digits > 0 {
            out.push('N');
        }
        rest = &tail[digits..];
    }
    out + rest
}
