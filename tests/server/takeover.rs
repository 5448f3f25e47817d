//! Apps that the first release has put on a server: their next deployment takes them over without losing a volume or a route.

use crate::support::cli::{Home, Said};
use crate::support::first_release::{self, Release, database, run};
use crate::support::http;
use crate::support::server::TestServer;

/// A home of the first release that knows this server, with these rows of apps: name, domain, port, repository, image.
pub fn home(server: &TestServer, apps: &[(&str, &str, u16, &str, &str)]) -> Home {
    let home = Home::new();
    first_release::empty_home(home.path(), Release::First);
    let db = database(home.path());
    run(
        &db,
        &format!(
            "INSERT INTO servers (name, host, port, user, ssh_key_path, status, provider, created_at, updated_at) VALUES ('prod-1', '{}', {}, 'root', '{}', 'active', NULL, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)",
            server.host,
            server.port,
            server.key.display()
        ),
    );
    for (name, domain, port, git, image) in apps {
        let text = |value: &str| if value.is_empty() { "NULL".to_owned() } else { format!("'{value}'") };
        let kind = if git.is_empty() { "image" } else { "git" };
        run(
            &db,
            &format!(
                "INSERT INTO apps (name, server_id, domain, port, git_repo, branch, image, status, app_type, created_at, updated_at) VALUES ('{name}', 1, {}, {port}, {}, 'main', {}, 'running', '{kind}', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)",
                text(domain),
                text(git),
                text(image)
            ),
        );
    }
    home
}

/// What the first release has done on the server for an app from an image.
fn deployed_image(server: &TestServer, name: &str, image: &str, host_port: u16) {
    let variable = name.to_uppercase().replace('-', "_");
    let compose = format!(
        "# made for {name}\nservices:\n  {name}:\n    image: {image}\n    container_name: infrakt-{name}\n    restart: unless-stopped\n    env_file:\n      - .env\n    ports:\n      - \"127.0.0.1:${{{variable}_PORT:-{host_port}}}:8080\"\n    networks:\n      - infrakt\n\nnetworks:\n  infrakt:\n    name: infrakt\n    external: true\n"
    );
    let folder = format!("/opt/infrakt/apps/{name}");
    server.write(&format!("{folder}/docker-compose.yml"), compose.as_bytes());
    server.write(&format!("{folder}/.env"), b"COLOUR=old\n");
    server.exec(&format!(
        "docker network create infrakt >/dev/null 2>&1; cd {folder} && docker compose up -d --pull always --remove-orphans 2>&1"
    ));
}

/// An image whose data lie in a volume that nobody has named.
fn with_volume(server: &TestServer, name: &str, from: &str) {
    let registry = "127.0.0.1:5000";
    server.exec(&format!(
        "docker pull -q {registry}/{from} && printf 'FROM {registry}/{from}\\nVOLUME /data\\n' | docker build -q -t {registry}/{name} - && docker push -q {registry}/{name}"
    ));
}

/// Where a container keeps its data on the server.
fn data(container: &str) -> String {
    format!("$(docker inspect -f '{{{{range .Mounts}}}}{{{{.Source}}}}{{{{end}}}}' {container})/kept")
}

fn only_container(server: &TestServer, app: &str) -> String {
    let found = server.exec(&format!("docker ps -q --filter label=infrakt.app={app}"));
    assert_eq!(found.lines().count(), 1, "{found}");
    found
}

fn deploy(home: &Home, app: &str) -> Said {
    home.run(&["app", "deploy", app, "--wait"])
}

pub fn visit(server: &TestServer, domain: &str, path: &str) -> String {
    http::get(server.http_port, domain, path).unwrap().body
}

/// A managed file as the first release wrote it, with a site that a hand added.
const CADDYFILE: &str = "# routes\n\nhttp://two.localhost {\n    reverse_proxy localhost:8081\n}\n\nhttp://web.localhost {\n    reverse_proxy localhost:8080\n}\n\nhttp://by-hand.localhost {\n    # kept\n    header X-By hand\n    reverse_proxy localhost:8080\n}\n";

#[test]
fn apps_from_images_are_taken_over_with_their_volumes_and_routes() {
    let server = TestServer::ready("adopt");
    with_volume(&server, "keeps:v1", "hello:v1");
    with_volume(&server, "keeps:v2", "hello:v2");
    // The second one's compose project could be another app's here: it gets a new one.
    let image = "127.0.0.1:5000/keeps:v1";
    for (name, port) in [("web", 8080), ("infrakt-two", 8081)] {
        deployed_image(&server, name, image, port);
        server.exec(&format!("echo of {name} >{}", data(&format!("infrakt-{name}"))));
    }
    server.exec("mkdir -p /opt/infrakt/caddy && echo 'import /opt/infrakt/caddy/Caddyfile' >/etc/caddy/Caddyfile");
    server.write("/opt/infrakt/caddy/Caddyfile", CADDYFILE.as_bytes());
    server.exec("systemctl restart caddy");
    server.wait_until("curl -fs -H 'Host: web.localhost' http://127.0.0.1/up");
    let home = home(
        &server,
        &[("web", "http://web.localhost", 8080, "", image), ("infrakt-two", "http://two.localhost", 8080, "", image)],
    );
    home.run(&["app", "list"]).ok().says(&["over from the first release"]);
    assert_eq!(
        (home.app("web", "compose_project"), home.app("infrakt-two", "compose_project")),
        ("web".to_owned(), "infrakt-infrakt-two".to_owned())
    );

    // A first deployment that fails: what ran serves again.
    let ids = server.exec("docker inspect -f '{{.Image}}' infrakt-web infrakt-infrakt-two; docker inspect -f '{{.Id}}' infrakt-infrakt-two");
    for (app, domain) in [("web", "web.localhost"), ("infrakt-two", "two.localhost")] {
        home.run(&["app", "edit", app, "--image", "127.0.0.1:5000/hello:exits"]).ok();
        deploy(&home, app).exits(1).says(&["fatal: cannot go on"]);
        assert_eq!(visit(&server, domain, "/"), "hello v1\n");
        assert_eq!(visit(&server, domain, "/env/COLOUR"), "old");
        assert_eq!(home.app(app, "status"), "running");
        assert_eq!(server.exec(&format!("cat {}", data(&format!("infrakt-{app}")))), format!("of {app}"));
        assert_eq!(server.exec(&format!("cd /opt/infrakt/apps/{app}; ls -A")), ".env\ndocker-compose.yml");
    }
    let again = server.exec("docker inspect -f '{{.Image}}' infrakt-web infrakt-infrakt-two; docker inspect -f '{{.Id}}' infrakt-infrakt-two");
    assert_eq!(ids, again);
    assert_eq!(server.exec("cat /opt/infrakt/caddy/Caddyfile; docker ps -aq | wc -l"), format!("{CADDYFILE}2"));

    // And one that works, twice.
    home.run(&["env", "set", "web", "COLOUR=new"]).ok();
    for version in ["v1", "v2"] {
        for (app, domain) in [("web", "web.localhost"), ("infrakt-two", "two.localhost")] {
            home.run(&["app", "edit", app, "--image", &format!("127.0.0.1:5000/keeps:{version}")]).ok();
            deploy(&home, app).ok();
            assert_eq!(visit(&server, domain, "/"), format!("hello {version}\n"));
            let container = only_container(&server, app);
            assert_eq!(server.exec(&format!("cat {}", data(&container))), format!("of {app}"), "{version}");
        }
    }
    assert_eq!(visit(&server, "web.localhost", "/env/COLOUR"), "new");
    assert_eq!(server.exec("docker ps -aq | wc -l; docker volume ls -q | wc -l"), "2\n2");
    assert_eq!(
        server.exec("cd /opt/infrakt/apps/web/releases/0; ls -A; cat .env"),
        ".env\ndocker-compose.yml\nCOLOUR=old"
    );
    let routes = server.exec("cat /opt/infrakt/caddy/Caddyfile");
    assert!(routes.contains("http://by-hand.localhost {\n    # kept\n    header X-By hand\n"), "{routes}");
    assert_eq!(routes.matches("web.localhost {").count(), 1, "{routes}");
    let log = home.log(3);
    for text in [
        "takes the place of what the first release started",
        "web answered on port 8080 of prod-1; from now on it is 127.0.0.1:2",
        "still leads to port 8080 of prod-1, where web is no more: reverse_proxy localhost:8080",
        "the first release's docker-compose.yml is kept in /opt/infrakt/apps/web/releases/0",
    ] {
        assert!(log.contains(text), "`{text}` is missing in\n{log}");
    }
    let log = home.log(4);
    for text in [
        "stopping infrakt-infrakt-two of the first release (compose project infrakt-two)",
        "stays at /data of infrakt-two",
    ] {
        assert!(log.contains(text), "`{text}` is missing in\n{log}");
    }
}
