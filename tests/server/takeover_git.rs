//! Apps from git that the first release has put on a server: one with a Dockerfile, and two with compose files of their own, which that
//! release keeps in one compose project.

use super::takeover::{self, visit};
use crate::support::cli::Home;
use crate::support::first_release::{database, run as sql};
use crate::support::server::TestServer;

/// The repository `shop.git`: a compose file with a volume that has a name. Branch `exits` builds a web service that ends at once.
const SHOP: &str = r#"
export GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@localhost GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@localhost HOME=/root
git clone -q /srv/git/compose.git /root/shop && cd /root/shop
cat >docker-compose.yml <<'YML'
services:
  web:
    build: .
    environment: {COLOUR: "${COLOUR:-none}", VERSION: "${VERSION:-compose-v1}"}
    ports: ["127.0.0.1:8090:8080"]
    volumes: ["data:/data"]
  side:
    image: busybox:local
    pull_policy: never
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"]
volumes: {data: }
YML
git commit -qam 'a shop'
git checkout -qb exits && echo 'ENV EXIT_AT_ONCE=7' >>Dockerfile && git commit -qam 'one that ends' && git checkout -q main
git clone -q --bare . /srv/git/shop.git && rm -rf /root/shop
"#;

/// A neighbour's compose file, whose services have other names.
const NEIGHBOUR: &str = "services:\n  neighbour:\n    image: busybox:local\n    pull_policy: never\n    command: [\"sh\", \"-c\", \"echo here is the neighbour; trap 'exit 0' TERM; while :; do sleep 1; done\"]\n";

/// What the first release runs for an app from git: a clone, and compose where the file is.
fn deployed_git(server: &TestServer, name: &str, repository: &str, env: &str, compose: &str) {
    let folder = format!("/opt/infrakt/apps/{name}");
    server.exec(&format!("docker network create infrakt >/dev/null 2>&1; mkdir -p {folder} && git clone -q -b main git://127.0.0.1/{repository}.git {folder}/repo"));
    server.write(&format!("{folder}/.env"), env.as_bytes());
    if compose.is_empty() {
        server.exec(&format!("cd {folder}/repo && docker compose --env-file {folder}/.env up -d --build 2>&1"));
    } else {
        server.write(&format!("{folder}/docker-compose.yml"), compose.as_bytes());
        server.exec(&format!("cd {folder} && docker compose up -d --build --remove-orphans 2>&1"));
    }
}

/// A home of the first release that has deployed these apps (name, domain, repository).
fn home(server: &TestServer, apps: &[(&str, &str, &str)]) -> Home {
    let rows: Vec<_> = apps.iter().map(|(name, domain, git)| (*name, *domain, 8080, *git, "")).collect();
    let home = takeover::home(server, &rows);
    let deployed = "INSERT INTO deployments (app_id, status, log, started_at, finished_at) SELECT id, 'success', '', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM apps";
    sql(&database(home.path()), deployed);
    home
}

/// Id and state of each container of a compose project, by name.
fn project(server: &TestServer, name: &str) -> String {
    server.exec(&format!(
        "docker ps -a --no-trunc --filter label=com.docker.compose.project={name} --format '{{{{.Names}}}} {{{{.ID}}}} {{{{.State}}}}' | sort"
    ))
}

fn states(server: &TestServer, name: &str) -> String {
    project(server, name)
        .lines()
        .map(|line| line.split(' ').step_by(2).collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n")
}

fn run(home: &Home, line: &str) -> crate::support::cli::Said {
    home.run(&line.split(' ').collect::<Vec<_>>())
}

#[test]
fn an_app_with_a_dockerfile_is_taken_over() {
    let server = TestServer::ready("adopt-git");
    let compose = "# made for web\nservices:\n  web:\n    build: ./repo\n    container_name: infrakt-web\n    restart: unless-stopped\n    env_file:\n      - .env\n    ports:\n      - \"127.0.0.1:${WEB_PORT:-8080}:8080\"\n    networks:\n      - infrakt\n\nnetworks:\n  infrakt:\n    name: infrakt\n    external: true\n";
    deployed_git(&server, "web", "hello", "COLOUR=old\n", compose);
    server.exec("echo kept >/opt/infrakt/apps/web/repo/untracked");
    let home = home(&server, &[("web", "http://web.localhost", "git://127.0.0.1/hello.git")]);
    run(&home, "app list").ok().says(&["over from the first release"]);

    // Work before the first deploy is work on what is there.
    let before = project(&server, "web");
    run(&home, "app restart web").ok().says(&["web is restarted on prod-1"]);
    run(&home, "app stop web").ok();
    assert_eq!(states(&server, "web"), "infrakt-web exited");
    run(&home, "app start web").ok();
    assert_eq!(project(&server, "web"), before, "the same container");
    assert!(run(&home, "app logs web").ok().out.contains("app git-v2 listening"));

    // One whose build fails changes nothing, one that ends at once is undone, and one that works takes over.
    run(&home, "app deploy web --branch broken --wait").exits(1);
    assert_eq!(project(&server, "web"), before);
    run(&home, "env set web EXIT_AT_ONCE=7").ok();
    run(&home, "app deploy web --wait").exits(1).says(&["ending with 7"]);
    assert_eq!(states(&server, "web"), "infrakt-web running");
    assert_eq!(server.exec("docker inspect -f '{{index .Config.Labels \"infrakt.app\"}}' infrakt-web"), "");
    run(&home, "env delete web EXIT_AT_ONCE").ok();
    run(&home, "env set web COLOUR=new").ok();
    run(&home, "app deploy web --wait").ok();
    assert_eq!(visit(&server, "web.localhost", "/"), "hello git-v2\n");
    assert_eq!(visit(&server, "web.localhost", "/env/COLOUR"), "new");
    assert_eq!(server.exec("docker ps -aq | wc -l; cat /opt/infrakt/apps/web/repo/untracked"), "1\nkept");
    assert_eq!(
        server.exec("cd /opt/infrakt/apps/web; cat releases/0/.env; git -C repo status --porcelain"),
        "COLOUR=old\n?? untracked"
    );
}

#[test]
fn an_app_in_a_shared_compose_project_is_worked_on_and_taken_over_without_its_neighbour() {
    let server = TestServer::ready("adopt-repo");
    server.exec(SHOP);
    deployed_git(&server, "shop", "shop", "COLOUR=old\n", "");
    // The neighbour, in the same project.
    server.write("/opt/infrakt/apps/next/repo/docker-compose.yml", NEIGHBOUR.as_bytes());
    server.exec("cd /opt/infrakt/apps/next/repo && touch ../.env && docker compose --env-file ../.env up -d 2>&1");
    server.exec("docker exec repo-web-1 sh -c 'echo the stock >/data/kept'");
    let repository = "git://127.0.0.1/shop.git";
    let home =
        home(&server, &[("shop", "http://shop.localhost", repository), ("next", "", "git://127.0.0.1/next.git")]);
    run(&home, "app list").ok();

    let whole = |state: &str| format!("repo-neighbour-1 running\nrepo-side-1 {state}\nrepo-web-1 {state}");
    let before = project(&server, "repo");
    assert_eq!(states(&server, "repo"), whole("running"));
    let began = |name: &str| server.exec(&format!("docker inspect -f '{{{{.State.StartedAt}}}}' {name}"));
    let (web, neighbour) = (began("repo-web-1"), began("repo-neighbour-1"));

    let shown = run(&home, "app show shop --json").ok().json();
    assert_eq!(shown["containers"].as_array().unwrap().len(), 2, "{shown}");
    let logs = run(&home, "app logs shop").ok().out;
    assert!(logs.contains("app compose-v1 listening") && !logs.contains("neighbour"), "{logs}");
    assert!(run(&home, "app logs next").ok().out.contains("here is the neighbour"));
    run(&home, "app restart shop").ok().says(&["shop is restarted on prod-1"]);
    assert_ne!(began("repo-web-1"), web);
    run(&home, "app stop shop").ok().says(&["shop is stopped on prod-1"]);
    assert_eq!(states(&server, "repo"), whole("exited"));
    run(&home, "app start shop").ok().says(&["shop is running on prod-1"]);
    assert_eq!(project(&server, "repo"), before, "the same containers, and no others");
    run(&home, "env set shop COLOUR=new VERSION=compose-v2").ok();
    run(&home, "env push shop").exits(1).says(&["other apps share", "app deploy shop"]);
    assert_eq!(project(&server, "repo"), before);

    // A first deployment that fails gives everything back, and one that works takes the volume along.
    run(&home, "app edit shop --service web --health /up --health-timeout 15s").ok();
    run(&home, "app deploy shop --branch exits --wait").exits(1).says(&["ending with 7"]);
    assert_eq!(project(&server, "repo"), before, "the very same containers serve again");
    assert_eq!(
        server.exec("docker ps -aq | wc -l; git -C /opt/infrakt/apps/shop/repo log -1 --format=%s"),
        "3\na shop"
    );
    run(&home, "app deploy shop --wait").ok().says(&["shop is running on prod-1"]);
    assert_eq!(visit(&server, "shop.localhost", "/"), "hello compose-v2\n");
    assert_eq!(visit(&server, "shop.localhost", "/env/COLOUR"), "new");
    let web = "docker ps -q --filter label=infrakt.app=shop --filter label=com.docker.compose.service=web";
    assert_eq!(server.exec(&format!("docker exec $({web}) cat /data/kept")), "the stock");
    assert_eq!(states(&server, "repo"), "repo-neighbour-1 running");
    assert_eq!(began("repo-neighbour-1"), neighbour, "nobody touched it");
    run(&home, "app restart shop").ok();
    assert_eq!(visit(&server, "shop.localhost", "/"), "hello compose-v2\n");

    // The neighbour goes, as the first release has it, and the shop stays.
    run(&home, "app destroy next --force").ok();
    assert_eq!((states(&server, "repo"), server.exec("ls /opt/infrakt/apps")), (String::new(), "shop".to_owned()));
    assert_eq!(visit(&server, "shop.localhost", "/up"), "up\n");
    assert_eq!(server.exec("docker volume ls -q | wc -l"), "1");
}
