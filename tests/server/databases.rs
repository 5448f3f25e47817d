//! Managed databases on a real server, with stand-ins for the official images of postgres, mysql and redis. For mongo there is none:
//! its compose file, environment, URL and plan are tested beside the code.

use crate::support::cli::{Home, Said};
use crate::support::server::TestServer;
use diesel::connection::{Connection, SimpleConnection};
use infrakt::domain::job::JobState;

fn image(kind: &str) -> String {
    let tag = match kind {
        "postgres" => "16",
        "mysql" => "8",
        _ => "7-alpine",
    };
    format!("127.0.0.1:5000/{kind}:{tag}")
}

fn create(home: &Home, name: &str, kind: &str) -> Said {
    home.run(&["db", "create", name, "--server", "prod-1", "--type", kind, "--image", &image(kind)])
}

fn url(home: &Home, name: &str, flags: &[&str]) -> String {
    home.run(&[&["db", "url", name], flags].concat()).ok().out.trim().to_owned()
}

/// What a client of this kind says to a query, as another container of the network `infrakt` or (host) on the server itself. Like an
/// app it has the URL in its environment.
fn query(server: &TestServer, network: &str, kind: &str, url: &str, text: &str) -> String {
    let client = match kind {
        "postgres" => "psql \"$URL\" -Atqc \"$0\"".to_owned(),
        "redis" => "redis-cli -u \"$URL\" --no-auth-warning $0".to_owned(),
        // It takes no URL: its parts, then.
        _ => "rest=${URL#mysql://} user=${rest%%:*} rest=${rest#*:} MYSQL_PWD=${rest%%@*} rest=${rest#*@} host=${rest%%:*} rest=${rest#*:}; \
              export MYSQL_PWD; mysql -h \"$host\" -P \"${rest%%/*}\" -u \"$user\" -D \"${rest#*/}\" -Nse \"$0\" 2>/dev/null"
            .to_owned(),
    };
    server.write("/root/query.env", format!("URL={url}\n").as_bytes());
    let run = format!("docker run --rm --network {network} --env-file /root/query.env --entrypoint sh");
    let said = server.exec(&format!("{run} {} -c '{client}' '{text}'", image(kind)));
    server.exec("rm /root/query.env");
    said
}

/// Statements that make one row, and what reads it back.
fn row(kind: &str) -> (&'static str, &'static str, &'static str) {
    match kind {
        "redis" => ("set animal heron", "get animal", "heron"),
        "postgres" => ("create table t (name text); insert into t values ($$heron$$)", "select name from t", "heron"),
        _ => ("create table t (name text); insert into t values (\"heron\")", "select name from t", "heron"),
    }
}

fn last_job(home: &Home) -> i64 {
    let list = home.run(&["job", "list", "--all", "--json"]).ok().json();
    list.as_array().unwrap().iter().map(|job| job["id"].as_i64().unwrap()).max().unwrap()
}

fn status(home: &Home, name: &str) -> Option<String> {
    let list = home.run(&["db", "list", "--json"]).ok().json();
    let found = list.as_array().unwrap().iter().find(|database| database["name"] == name)?;
    Some(found["status"].as_str().unwrap().to_owned())
}

/// Files below a folder of the server that hold the text, other than docker's own record of a container's environment.
fn files_with(server: &TestServer, text: &str) -> Vec<String> {
    server.write("/root/needle", text.as_bytes());
    let found = server.exec(
        "grep -rlFf /root/needle /opt /var/lib/infrakt /var/lib/docker/volumes /etc /var/log /run/infrakt /tmp 2>/dev/null || :
         grep -lFf /root/needle $(find /var/lib/docker/containers -name '*-json.log') /proc/[0-9]*/cmdline 2>/dev/null || :",
    );
    server.exec("rm /root/needle");
    found.lines().filter(|path| !path.contains(&format!("/proc/{}", std::process::id()))).map(str::to_owned).collect()
}

/// The whole life of a database of each kind; two of a kind side by side.
#[test]
fn what_an_app_writes_is_read_back_after_a_restart_and_after_destroy_and_create() {
    let server = TestServer::with_databases("db-life");
    let home = Home::with(&[("prod-1", &server)]);
    for kind in ["postgres", "mysql", "redis"] {
        println!("{kind}");
        let (name, other) = (format!("{kind}.main"), format!("{kind}-2"));
        create(&home, &name, kind).ok().says(&[&format!("{name} is running on prod-1"), "answers a query"]);
        assert_eq!(status(&home, &name).as_deref(), Some("running"));
        let (write, read, value) = row(kind);
        let reach = url(&home, &name, &[]);
        assert!(reach.contains(&format!("@{name}:")), "{reach}");
        query(&server, "infrakt", kind, &reach, write);
        // On the server's own loopback, and by its longer name.
        assert_eq!(query(&server, "host", kind, &url(&home, &name, &["--local"]), read), value);
        let longer = reach.replace(&format!("@{name}:"), &format!("@{name}.infrakt:"));
        assert_eq!(query(&server, "infrakt", kind, &longer, read), value);

        create(&home, &other, kind).ok();
        let others = url(&home, &other, &[]);
        let nothing =
            query(&server, "infrakt", kind, &others, if kind == "redis" { "exists animal" } else { "select 0" });
        assert_eq!(nothing, "0", "the other one is another one");

        assert_secret(&server, &home, &name);
        home.run(&["app", "restart", &name]).ok().says(&["answers a query"]);
        assert_eq!(query(&server, "infrakt", kind, &reach, read), value, "after a restart");
        home.run(&["app", "stop", &name]).ok();
        assert_eq!(status(&home, &name).as_deref(), Some("stopped"));
        home.run(&["app", "start", &name]).ok();

        home.run(&["db", "destroy", &name, "--yes"]).ok().says(&["is gone from prod-1", "kept: infrakt."]);
        assert_eq!(status(&home, &name), None);
        let left = server.exec(&format!(
            "docker ps -aq --filter label=infrakt.app={name}; ls /opt/infrakt/apps | grep -Fx {name} || :"
        ));
        assert_eq!(left, "");
        // Type and version need not be said again, the password is the same.
        home.run(&["db", "create", &name, "--server", "prod-1", "--type", kind])
            .ok()
            .says(&["was kept on prod-1", "goes on with the data in infrakt."]);
        assert_eq!(url(&home, &name, &[]), reach);
        assert_eq!(query(&server, "infrakt", kind, &reach, read), value, "after destroy and create");

        for name in [&name, &other] {
            home.run(&["db", "destroy", name, "--volumes", "--force"]).ok();
        }
        assert_eq!(server.exec("docker volume ls -q; docker ps -aq; ls /opt/infrakt/apps"), "");
    }
}

/// Nowhere in clear but in the file that root alone may read, and in docker's record of the container's environment.
fn assert_secret(server: &TestServer, home: &Home, name: &str) {
    let credentials = home.run(&["db", "url", name, "--json"]).ok().json();
    let password = credentials["password"].as_str().unwrap();
    assert_eq!(password.len(), 32, "24 random bytes");
    let release = format!("/opt/infrakt/apps/{name}/releases/{}", home.app(name, "current_deployment_id"));
    let mut files = files_with(server, password);
    files.sort();
    assert_eq!(files, [format!("{release}/.env"), format!("{release}/compose.env")]);
    assert_eq!(server.exec(&format!("stat -c %a {release}/.env {release}/compose.env")), "600\n600");
    for job in 1..=last_job(home) {
        assert!(!home.log(job).contains(password), "{}", home.log(job));
    }
    let in_home = std::process::Command::new("grep").arg("-rlF").arg(password).arg(home.path()).output().unwrap();
    assert_eq!(String::from_utf8(in_home.stdout).unwrap(), "");
}

#[test]
fn what_stands_in_the_way_of_a_database_is_said_and_leaves_nothing() {
    let server = TestServer::with_databases("db-refused");
    let home = Home::with(&[("prod-1", &server)]);
    let left = "docker ps -aq; docker volume ls -q; ls /opt/infrakt/apps";

    // An image that is not there, then one that is no database: the same command goes on afterwards.
    let with =
        |image: &str| home.run(&["db", "create", "main", "--server", "prod-1", "--type", "postgres", "--image", image]);
    with("127.0.0.1:5000/postgres:99").exits(1).says(&["failed at `fetch`", "there is no image"]);
    assert_eq!((status(&home, "main").as_deref(), server.exec(left).as_str()), (Some("error"), ""));
    with("127.0.0.1:5000/hello:v1").exits(1).says(&["none of the clients that could ask it: psql"]);
    assert_eq!((status(&home, "main").as_deref(), server.exec(left).as_str()), (Some("error"), ""));
    create(&home, "main", "postgres").ok();
    create(&home, "main", "postgres").exits(4).says(&["there is a database (postgres) `main` on prod-1 already"]);

    // Kept data is given to the same type and version alone.
    home.run(&["db", "destroy", "main", "--yes"]).ok();
    create(&home, "main", "redis").exits(4).says(&["was kept of a database of the type postgres", "`--type postgres`"]);
    with("127.0.0.1:5000/postgres:15").exits(4).says(&["was kept of 127.0.0.1:5000/postgres:16", "hint: `--image"]);

    // Another home knows nothing of it.
    let other = Home::with(&[("prod-1", &server)]);
    create(&other, "main", "postgres").exits(4).says(&["infrakt.main.data", "its password is not known here"]);
    assert_eq!(server.exec(left), "infrakt.main.data");
    other.run(&["db", "destroy", "main", "--volumes", "--yes"]).ok();
    assert_eq!(server.exec(left), "infrakt.main.data", "data of another home is not taken along");
    create(&home, "main", "postgres").ok();
}

#[test]
fn a_create_whose_process_is_killed_goes_on() {
    let server = TestServer::with_databases("db-killed");
    let home = Home::with(&[("prod-1", &server)]);
    for (job, step, kind) in [(1, "fetch", "redis"), (2, "start", "redis"), (3, "health", "mysql")] {
        let name = format!("main-{step}");
        let waiting =
            home.start(&["db", "create", &name, "--server", "prod-1", "--type", kind, "--image", &image(kind)]);
        home.wait_step(job, step);
        waiting.kill();
        home.run(&["job", "follow", &job.to_string()]).ok().says(&[&format!("{name} is running on prod-1")]);
        assert_eq!(home.runs(job), ["fetch 1 succeeded", "start 1 succeeded", "health 1 succeeded"]);
        let (text, answer) = if kind == "redis" { ("ping", "PONG") } else { ("select 7", "7") };
        assert_eq!(query(&server, "infrakt", kind, &url(&home, &name, &[]), text), answer);
    }
    // A cancel takes away what it made, data that nobody has written yet included.
    let job =
        home.enqueue(&["db", "create", "late", "--server", "prod-1", "--type", "mysql", "--image", &image("mysql")]);
    home.wait_step(job, "health");
    home.run(&["job", "cancel", &job.to_string()]);
    assert_eq!(home.wait_end(job).state, JobState::Cancelled);
    assert_eq!(server.exec("docker volume ls -q | grep late || :; ls /opt/infrakt/apps | grep late || :"), "");
    home.run(&["db", "destroy", "late", "--yes"]).ok();
}

fn add_row(home: &Home, statement: &str) {
    let path = home.path().join("infrakt.db");
    let mut conn = diesel::sqlite::SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute(statement).unwrap();
}

/// As the first release leaves them: its own folder, project, container and volume, the password in the compose file.
#[test]
fn the_password_of_a_database_of_the_first_release_is_found_on_its_server() {
    let server = TestServer::with_databases("db-old");
    let home = Home::with(&[("prod-1", &server)]);
    let image = image("postgres");
    server.write(
        "/opt/infrakt/apps/main/docker-compose.yml",
        format!(
            "# Generated\nservices:\n  main:\n    image: {image}\n    container_name: infrakt-db-main\n    restart: unless-stopped\n\
             \x20   environment:\n      POSTGRES_DB: \"main\"\n      POSTGRES_USER: \"main\"\n      POSTGRES_PASSWORD: \"old-pass_word\"\n\
             \x20   volumes:\n      - main_data:/var/lib/postgresql/data\n    ports:\n      - \"127.0.0.1:5432:5432\"\n\
             \x20   networks:\n      - infrakt\n\nvolumes:\n  main_data:\n\nnetworks:\n  infrakt:\n    name: infrakt\n    external: true\n"
        )
        .as_bytes(),
    );
    server.exec("docker network create infrakt && cd /opt/infrakt/apps/main && docker compose up -d");
    // The row as it is taken over.
    add_row(
        &home,
        "INSERT INTO apps(name, server_id, port, status, app_type) VALUES ('main', 1, 5432, 'running', 'db:postgres')",
    );
    add_row(&home, "INSERT INTO app_ext(app_id, compose_project) VALUES (1, 'main')");
    assert_eq!(url(&home, "main", &[]), "postgresql://main:old-pass_word@main:5432/main");
    let local = url(&home, "main", &["--local"]);
    assert_eq!(local, "postgresql://main:old-pass_word@127.0.0.1:5432/main");
    server.wait_until("docker exec infrakt-db-main psql -h 127.0.0.1 -U main main -Atqc 'select 1'");
    let (write, read, value) = row("postgres");
    query(&server, "host", "postgres", &local, write);
    home.run(&["app", "restart", "main"]).ok();

    home.run(&["db", "destroy", "main", "--yes"]).ok().says(&["kept: main_main_data"]);
    home.run(&["db", "create", "main", "--server", "prod-1", "--type", "postgres"]).ok().says(&["main_main_data"]);
    let reach = url(&home, "main", &[]);
    assert_eq!(query(&server, "infrakt", "postgres", &reach, read), value);
    home.run(&["db", "destroy", "main", "--yes"]).ok().says(&["kept: main_main_data"]);
    home.run(&["db", "create", "main", "--server", "prod-1", "--type", "postgres"]).ok();
    home.run(&["db", "destroy", "main", "--volumes", "--yes"]).ok();
    assert_eq!(server.exec("docker volume ls -q; docker ps -aq; ls /opt/infrakt/apps"), "");
}
