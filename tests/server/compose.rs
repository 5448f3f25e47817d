//! Deploys of compose files on a real server: many services, two apps of one file beside each other, and each way they fail.

use crate::support::cli::{Home, Said};
use crate::support::http;
use crate::support::server::TestServer;

/// A web app, a database's stand-in with a volume, one that others wait for, and one that does its work and ends.
const SHOP: &str = r#"
services:
  web:
    image: 127.0.0.1:5000/hello:VERSION
    container_name: fixed
    ports: ["8080:8080"]
    environment: {FROM_FILE: "yes", FILLED: "${COLOUR:-none}"}
    depends_on: {seed: {condition: service_completed_successfully}, db: {condition: service_started}}
  db:
    image: busybox:local
    pull_policy: never
    command: &run ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"]
    ports: ["5432:5432", "127.0.0.1:LOCAL:5432"]
    volumes: ["data:/data"]
  seed: {image: "busybox:local", pull_policy: never, command: ["sh", "-c", "echo seeded >>/data/seed"], volumes: ["data:/data"]}
  once: {image: "busybox:local", pull_policy: never, command: ["sh", "-c", "sleep 1"]}
  idle: {image: "nowhere.invalid/x", profiles: [debug]}
volumes: {data: {}}
"#;

fn shop(version: &str, local: &str) -> String {
    SHOP.replace("VERSION", version).replace("LOCAL", local)
}

fn file(home: &Home, text: &str) -> String {
    let path = home.path().join("compose.yml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn create(home: &Home, app: &str, text: &str) {
    let (path, domain) = (file(home, text), format!("http://{app}.localhost"));
    let args = ["app", "create", app, "--server", "prod-1", "--compose", &path, "--service", "web", "--port", "8080"];
    let more = ["--domain", &domain, "--health", "/up", "--health-timeout", "15s"];
    home.run(&[&args[..], &more].concat()).ok();
}

fn deploy(home: &Home, app: &str) -> Said {
    home.run(&["app", "deploy", app, "--wait"])
}

/// Another file for the app, and its deploy.
fn deploy_file(home: &Home, app: &str, text: &str) -> Said {
    let path = file(home, text);
    home.run(&["app", "edit", app, "--compose", &path]).ok();
    deploy(home, app)
}

fn visit(server: &TestServer, app: &str, path: &str) -> String {
    http::get(server.http_port, &format!("{app}.localhost"), path).unwrap().body
}

/// Service, state, deployment and restart policy of each container of the app, by name.
fn containers(server: &TestServer, app: &str) -> String {
    server.exec(&format!(
        r#"docker ps -aq --filter label=infrakt.app={app} | xargs -r docker inspect -f '{{{{index .Config.Labels "com.docker.compose.service"}}}} {{{{.State.Status}}}} {{{{index .Config.Labels "infrakt.deployment"}}}} {{{{.HostConfig.RestartPolicy.Name}}}}' | sort"#
    ))
}

/// The address of a name, as the main service of an app sees it.
fn resolve(server: &TestServer, app: &str, name: &str) -> String {
    server.exec(&format!(
        "docker exec infrakt-{app}-web-1 nslookup {name} | sed -n '/^Name/,$s/^Address: *//p' | head -n 1"
    ))
}

fn addresses(server: &TestServer, container: &str) -> String {
    server.exec(&format!(
        "docker inspect -f '{{{{range .NetworkSettings.Networks}}}}{{{{.IPAddress}}}} {{{{end}}}}' {container}"
    ))
}

fn networks(server: &TestServer) -> String {
    server.exec("docker network ls --format '{{.Name}}' | grep shop")
}

#[test]
fn a_file_of_several_services_is_deployed_beside_another_app_of_the_same_file() {
    let server = TestServer::ready("compose");
    let home = Home::with(&[("prod-1", &server)]);
    create(&home, "shop", &shop("v1", "5433"));
    let nasty = "line one\nline \"two\" 'three' $HOME ${X} #no \\ ünï = end";
    home.run(&["env", "set", "shop", &format!("NASTY={nasty}"), "COLOUR=deep-blue-sea"]).ok();
    let said = deploy(&home, "shop").ok();
    let said = said.says(&[
        "shop is running on prod-1",
        "http://shop.localhost",
        "web 8080",
        "container_name is left out: web",
    ]);
    assert!(!said.err.contains("deep-blue-sea"), "{}", said.err);
    assert_eq!(visit(&server, "shop", "/"), "hello v1\n");
    assert_eq!(visit(&server, "shop", "/env/NASTY"), nasty);
    assert_eq!(visit(&server, "shop", "/env/FILLED"), "deep-blue-sea");
    assert_eq!(visit(&server, "shop", "/env/FROM_FILE"), "yes");
    let after_one = "db running 1 unless-stopped\nonce exited 1 no\nseed exited 1 no\nweb running 1 unless-stopped";
    assert_eq!(containers(&server, "shop"), after_one);
    // What names no address is not published; what does, is.
    assert_eq!(server.exec("docker port infrakt-shop-db-1"), "5432/tcp -> 127.0.0.1:5433");
    assert_eq!(server.exec("docker port infrakt-shop-web-1 | grep -cv '127.0.0.1' || :"), "0");
    let shown = home.run(&["app", "show", "shop", "--json"]).ok().json();
    assert!(shown["images"]["web"].as_str().unwrap().starts_with("127.0.0.1:5000/hello@sha256:"), "{shown}");
    assert_eq!(shown["images"].as_object().unwrap().len(), 4);
    assert!(home.run(&["app", "show", "shop"]).ok().out.contains("seed"));

    // The same file again, and an app that is called like a service of theirs.
    create(&home, "blog", &shop("v3", "5434"));
    deploy(&home, "blog").ok();
    let image = ["--image", "127.0.0.1:5000/hello:v2", "--port", "8080"];
    home.run(&[&["app", "create", "db", "--server", "prod-1"][..], &image].concat()).ok();
    deploy(&home, "db").ok();
    assert_eq!((visit(&server, "shop", "/"), visit(&server, "blog", "/")), ("hello v1\n".into(), "hello v3\n".into()));
    for (app, other) in [("shop", "blog"), ("blog", "shop")] {
        for name in ["db", "web"] {
            let found = resolve(&server, app, name);
            assert!(
                addresses(&server, &format!("infrakt-{app}-{name}-1")).contains(&found),
                "{app}: {name} is {found}"
            );
        }
        for name in [other.to_owned(), format!("{other}.infrakt")] {
            let found = resolve(&server, app, &name);
            assert!(addresses(&server, &format!("infrakt-{other}-web-1")).contains(&found), "{app}: {name} is {found}");
        }
        let found = resolve(&server, app, "db.infrakt");
        assert!(addresses(&server, "infrakt-db-db-1").contains(&found), "{app}: db.infrakt is {found}");
    }

    // Second deploy: another environment and another file; the volume stays, and a restart of docker changes nothing.
    server.exec("docker exec infrakt-shop-db-1 sh -c 'echo mine >/data/kept'");
    home.run(&["env", "set", "shop", "COLOUR=crimson-red-sky"]).ok();
    deploy_file(
        &home,
        "shop",
        &shop("v2", "5433")
            .replace("  idle", "  more: {image: \"busybox:local\", pull_policy: never, command: *run }\n  idle"),
    )
    .ok();
    assert_eq!(visit(&server, "shop", "/"), "hello v2\n");
    assert_eq!(visit(&server, "shop", "/env/FILLED"), "crimson-red-sky");
    assert_eq!(server.exec("docker exec infrakt-shop-db-1 sh -c 'cat /data/kept /data/seed'"), "mine\nseeded\nseeded");
    deploy_file(&home, "shop", &shop("v2", "5433")).ok();
    assert!(!containers(&server, "shop").contains("more"), "a service that is not in the file any more is gone");
    server.exec("docker restart -t 2 infrakt-shop-web-1");
    let found = resolve(&server, "blog", "shop");
    assert!(addresses(&server, "infrakt-shop-web-1").contains(&found));
    // What is done to it afterwards: it is still known by the app's name, and what has done its work stays ended.
    for command in [
        &["env", "set", "shop", "LATE=yes"][..],
        &["env", "push", "shop"],
        &["app", "stop", "shop"],
        &["app", "start", "shop"],
    ] {
        home.run(command).ok();
    }
    assert_eq!(visit(&server, "shop", "/env/LATE"), "yes");
    assert!(addresses(&server, "infrakt-shop-web-1").contains(&resolve(&server, "blog", "shop")));
    server.wait_until("docker inspect -f '{{.State.Status}}' infrakt-shop-once-1 | grep -q exited");
    assert_eq!(containers(&server, "shop"), after_one.replace(" 1 ", " 5 "));
    for id in 1..=home.run(&["job", "list", "--all", "--json"]).ok().json().as_array().unwrap().len() {
        let log = home.log(id as i64);
        assert!(!log.contains("deep-blue-sea") && !log.contains("crimson-red-sky"), "{log}");
    }
}

#[test]
fn what_goes_wrong_with_a_file_says_so_and_all_services_of_the_version_before_serve() {
    let server = TestServer::ready("composewrong");
    let home = Home::with(&[("prod-1", &server)]);
    let good = shop("v1", "5433");
    let with = |service: &str| good.replace("v1", "v2").replace("  idle", &format!("  more: {service}\n  idle"));
    let broken = with(
        r#"{image: "busybox:local", pull_policy: never, command: ["sh", "-c", "echo fatal: no luck; exit 7"], networks: [extra]}"#,
    ) + "networks: {extra: {}}\n";

    // A first deploy that fails leaves nothing but the volume.
    create(&home, "shop", &broken);
    deploy(&home, "shop").exits(1).says(&["the service more of shop ended with exit code 7", "fatal: no luck"]);
    assert_eq!(home.app("shop", "status"), "error");
    assert_eq!(containers(&server, "shop"), "");
    assert_eq!(server.exec("docker network ls --format '{{.Name}}' | grep -c shop || :"), "0");

    deploy_file(&home, "shop", &good).ok();
    let before = containers(&server, "shop");
    let cases: [(String, &str, &[&str]); 7] = [
        (broken, "start", &["the service more of shop ended with exit code 7", "fatal: no luck"]),
        (with(r#"{image: "127.0.0.1:5000/none:1"}"#), "fetch", &["there is no image 127.0.0.1:5000/none:1"]),
        (
            with(r#"{image: "busybox:local", nonsense: 1}"#),
            "fetch",
            &["compose file of shop cannot be used", "nonsense"],
        ),
        (
            with(r#"{image: "busybox:local", volumes: ["${DIR:-./data}:/d"]}"#),
            "fetch",
            &["the service more binds a relative path (./data)"],
        ),
        (
            with(
                r#"{image: "busybox:local", pull_policy: never, restart: always, command: ["sh", "-c", "echo again; exit 3"]}"#,
            ),
            "health",
            &["the service more of shop", "again"],
        ),
        (good.replace("hello:v1", "hello:unhealthy"), "health", &["500"]),
        (
            good.replace(
                "    image: 127.0.0.1:5000/hello:v1\n",
                "    image: 127.0.0.1:5000/hello:v2\n    profiles: [debug]\n",
            ),
            "fetch",
            &["has no service web; it has: db, once, seed"],
        ),
    ];
    for (text, step, texts) in cases {
        let said = deploy_file(&home, "shop", &text).exits(1);
        println!("{}", said.err);
        let said = said.says(texts).says(&["hint: "]);
        assert!(said.err.contains(&format!("failed at `{step}`")), "{}", said.err);
        assert_eq!(visit(&server, "shop", "/"), "hello v1\n");
        assert_eq!(visit(&server, "shop", "/env/FROM_FILE"), "yes");
        assert_eq!(home.app("shop", "status"), "running");
        assert_eq!(containers(&server, "shop"), before);
        assert_eq!(server.exec("ls /opt/infrakt/apps/shop/releases"), "2");
        assert_eq!(networks(&server), "app-infrakt-shop_default");
        assert!(addresses(&server, "infrakt-shop-web-1").contains(&resolve(&server, "shop", "shop.infrakt")));
    }
}

/// When the app's containers were started, by name.
fn starts(server: &TestServer) -> String {
    server.exec("docker ps -aq --filter label=infrakt.app=shop | xargs -r docker inspect -f '{{.Name}} {{.Id}} {{.State.StartedAt}}' | sort")
}

#[test]
fn all_services_of_an_app_are_stopped_restarted_and_destroyed_and_the_volume_stays_unless_it_is_asked_for() {
    let server = TestServer::ready("composeapps");
    let home = Home::with(&[("prod-1", &server)]);
    for app in ["shop", "blog"] {
        create(&home, app, &shop("v1", if app == "shop" { "5433" } else { "5434" }));
        deploy(&home, app).ok();
    }
    let other = containers(&server, "blog");
    let running = containers(&server, "shop");
    let app = |what: &str| home.run(&["app", what, "shop"]);
    app("stop").ok().says(&["shop is stopped on prod-1"]);
    assert_eq!(containers(&server, "shop"), running.replace(" running ", " exited "), "all are stopped and kept");
    app("stop").ok().says(&["nothing of shop runs"]);
    server.docker("restart");
    assert_eq!(containers(&server, "shop"), running.replace(" running ", " exited "));
    app("restart").ok().says(&["shop is restarted on prod-1"]);
    assert_eq!(containers(&server, "shop"), running);

    // Each that runs is started anew, and is the container that it was; what its volume holds stays.
    server.exec("docker exec infrakt-shop-db-1 sh -c 'echo mine >/data/kept'");
    let before = starts(&server);
    app("restart").ok();
    let after = starts(&server);
    for name in ["/infrakt-shop-db-1", "/infrakt-shop-web-1"] {
        let of = |text: &str| text.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        let (old, new) = (of(&before), of(&after));
        assert_eq!(old.split(' ').nth(1), new.split(' ').nth(1), "{name} is another container");
        assert_ne!(old, new, "{name} was not restarted");
    }
    assert_eq!(server.exec("docker exec infrakt-shop-db-1 cat /data/kept"), "mine");
    assert_eq!(visit(&server, "shop", "/"), "hello v1\n");

    home.run(&["app", "destroy", "shop", "--yes"]).ok().says(&["shop is gone from prod-1", "kept: infrakt-shop_data"]);
    assert_eq!(containers(&server, "shop"), "");
    assert_eq!(server.exec("docker network ls --format '{{.Name}}' | grep -c shop || :"), "0");
    assert_eq!(server.exec("ls /opt/infrakt/apps; docker volume ls -q | grep shop"), "blog\ninfrakt-shop_data");
    assert_eq!(server.exec("grep -c shop.localhost /opt/infrakt/caddy/Caddyfile || :"), "0");
    create(&home, "shop", &shop("v2", "5433"));
    deploy(&home, "shop").ok();
    assert_eq!(server.exec("docker exec infrakt-shop-db-1 cat /data/kept"), "mine");
    home.run(&["app", "destroy", "shop", "--yes", "--volumes"]).ok();
    assert_eq!(server.exec("docker volume ls -q | grep -c shop || :"), "0");
    assert_eq!(containers(&server, "blog"), other, "the other app is left alone");
    assert_eq!(visit(&server, "blog", "/"), "hello v1\n");
}

/// A commit of the repository `compose.git`, made on the server by this script.
fn commit(server: &TestServer, script: &str) {
    server.exec(&format!(
        "export HOME=/root GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@localhost GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@localhost
        cd /root && rm -rf work && git clone -q /srv/git/compose.git work && cd work && {script} && git add -A && git commit -qm 'next one' && git push -q"
    ));
}

#[test]
fn a_repositorys_own_file_is_built_and_mounts_what_lies_beside_it() {
    let server = TestServer::ready("composegit");
    let home = Home::with(&[("prod-1", &server)]);
    let git = ["app", "create", "shop", "--server", "prod-1", "--git", "git://127.0.0.1/compose.git", "--port", "8080"];
    home.run(
        &[&git[..], &["--domain", "http://shop.localhost", "--health", "/up", "--health-timeout", "15s"]].concat(),
    )
    .ok();
    deploy(&home, "shop").exits(1).says(&["has several services: side, web", "--service"]);
    home.run(&["app", "edit", "shop", "--service", "web"]).ok();
    home.run(&["env", "set", "shop", "COLOUR=deep-blue-sea"]).ok();
    deploy(&home, "shop").ok();
    assert_eq!(visit(&server, "shop", "/"), "hello compose-v1\n");
    assert_eq!(visit(&server, "shop", "/env/FROM_COMPOSE"), "yes");
    assert_eq!(visit(&server, "shop", "/env/COLOUR"), "deep-blue-sea");
    assert_eq!(containers(&server, "shop"), "side running 2 unless-stopped\nweb running 2 unless-stopped");

    // Two services are built, the folder is mounted, and `.env` is the app's environment; it is in no image.
    commit(
        &server,
        r#"sed -i s/compose-v1/compose-v2/ Dockerfile && mkdir data && echo tracked >data/file && printf '%s\n' 'services:' \
        '  web: {build: ., volumes: ["./data:/data"], depends_on: [side]}' '  side:' '    build: .' '    env_file: .env' \
        '    environment: {TOLD: "${COLOUR}"}' >docker-compose.yml && printf 'COPY . /all\n' >>Dockerfile"#,
    );
    deploy(&home, "shop").ok();
    assert_eq!(visit(&server, "shop", "/"), "hello compose-v2\n");
    let side = "docker exec infrakt-shop-side-1";
    assert_eq!(
        server.exec(&format!("{side} sh -c 'echo $COLOUR $TOLD; ls -a /all | grep -c env || :'")),
        "deep-blue-sea deep-blue-sea\n0"
    );
    server.exec("docker exec infrakt-shop-web-1 sh -c 'cat /data/file; echo mine >/data/kept'");
    let before = containers(&server, "shop");
    let at = server.exec("cd /opt/infrakt/apps/shop/repo && git -c safe.directory='*' rev-parse HEAD");

    // The next one fails: the version before serves with the folder as it was.
    commit(&server, r#"echo other >data/file && printf '%s\n' 'ENV EXIT_AT_ONCE=7' >>Dockerfile"#);
    deploy(&home, "shop").exits(1).says(&["exit code 7", "fatal: cannot go on"]);
    assert_eq!(visit(&server, "shop", "/"), "hello compose-v2\n");
    assert_eq!(containers(&server, "shop"), before);
    assert_eq!(server.exec("docker exec infrakt-shop-web-1 cat /data/file /data/kept"), "tracked\nmine");
    assert_eq!(server.exec("cd /opt/infrakt/apps/shop/repo && git -c safe.directory='*' rev-parse HEAD"), at);
    assert_eq!(
        server.exec("docker images --format '{{.Tag}}' infrakt/infrakt-shop | sort | paste -sd ' '"),
        "2 3-side 3-web"
    );
}
