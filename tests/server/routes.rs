//! Routes on a real server: set-up, changes, what others wrote, what cannot be, and many at once.

use crate::support::cli::Home;
use crate::support::http;
use crate::support::server::TestServer;
use infrakt::domain::job::JobState;
use std::collections::BTreeSet;

const MANAGED: &str = "/opt/infrakt/caddy/Caddyfile";

/// Something that answers on the server's loopback.
fn answer_on(server: &TestServer, port: u16, tag: &str) {
    server.exec(&format!("docker run -d -p 127.0.0.1:{port}:8080 127.0.0.1:5000/hello:{tag}"));
    server.wait_until(&format!("curl -fsS http://127.0.0.1:{port}/up"));
}

fn visit(server: &TestServer, host: &str) -> String {
    http::get(server.http_port, host, "/").unwrap().body
}

fn states(home: &Home) -> Vec<String> {
    let status = home.run(&["proxy", "status", "prod-1", "--json"]).ok().json();
    let routes = status["routes"].as_array().unwrap().iter();
    routes.map(|route| format!("{} {}", route["domain"].as_str().unwrap(), route["state"].as_str().unwrap())).collect()
}

#[test]
fn routes_are_made_changed_and_taken_away_and_what_others_wrote_stays_byte_for_byte() {
    let server = TestServer::ready("routes");
    let home = Home::with(&[("prod-1", &server)]);
    answer_on(&server, 9000, "v1");
    answer_on(&server, 9001, "v2");
    let by_hand = "# by hand: keep me\n\n(snippet) {\n\theader X y\n}\n\nhttp://hand.localhost, http://more.localhost {\n\timport snippet\n\trespond \"by hand\"\n}\n";
    server.write(MANAGED, by_hand.as_bytes());
    let port = |domain: &str, port: &str| home.run(&["proxy", "add", domain, "--server", "prod-1", "--port", port]);
    port("http://a.localhost", "9000").ok().says(&["the routes of prod-1 are in place"]);
    port("http://b.localhost", "9001").ok();
    assert_eq!(
        (visit(&server, "a.localhost"), visit(&server, "b.localhost")),
        ("hello v1\n".into(), "hello v2\n".into())
    );
    port("http://a.localhost", "9001").ok();
    assert_eq!(visit(&server, "a.localhost"), "hello v2\n");
    let text = server.exec(&format!("cat {MANAGED}"));
    assert!(text.starts_with(by_hand), "{text}");
    let listed = home.run(&["proxy", "domains", "prod-1", "--json"]).ok().json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(states(&home), ["http://a.localhost in_place", "http://b.localhost in_place"]);

    // The same once more finds it so; a wildcard and a name for TLS are taken by caddy's check.
    port("http://b.localhost", "9001").ok().says(&["skipped"]);
    port("*.wild.localhost", "9001").ok();
    home.run(&["proxy", "remove", "*.wild.localhost", "--server", "prod-1"]).ok();
    home.run(&["proxy", "remove", "http://b.localhost", "--server", "prod-1"]).ok();
    assert!(!visit(&server, "b.localhost").contains("hello"));
    home.run(&["proxy", "remove", "http://b.localhost", "--server", "prod-1"]).exits(3);

    // A block of somebody else.
    let refused =
        port("http://hand.localhost", "9000").exits(4).says(&["a block that infrakt did not write", "--adopt"]);
    println!("{}", refused.err);
    assert_eq!(home.run(&["proxy", "domains", "prod-1", "--json"]).ok().json().as_array().unwrap().len(), 1);
    assert_eq!(visit(&server, "hand.localhost"), "by hand");
    let shown = home.run(&["proxy", "status", "prod-1"]).ok();
    assert!(shown.out.contains("http://hand.localhost") && shown.out.contains("BLOCK OF OTHERS"), "{}", shown.out);
    home.run(&["proxy", "add", "http://hand.localhost", "--server", "prod-1", "--port", "9000", "--adopt"]).ok();
    assert_eq!(
        (visit(&server, "hand.localhost").as_str(), visit(&server, "more.localhost").as_str()),
        ("hello v1\n", "by hand")
    );

    // What is there and not recorded, and the other way round, is seen and mended.
    server.exec(&format!("sed -i 's/a.localhost/c.localhost/' {MANAGED} && systemctl reload caddy"));
    assert_eq!(states(&home), ["http://a.localhost missing", "http://hand.localhost in_place"]);
    home.run(&["proxy", "reload", "prod-1"]).ok();
    assert_eq!(states(&home), ["http://a.localhost in_place", "http://hand.localhost in_place"]);
    assert_eq!(visit(&server, "a.localhost"), "hello v2\n");
}

#[test]
fn what_caddy_does_not_take_is_refused_and_everything_is_as_before() {
    let server = TestServer::ready("broken");
    let home = Home::with(&[("prod-1", &server)]);
    answer_on(&server, 9000, "v1");
    let add = |domain: &str| home.run(&["proxy", "add", domain, "--server", "prod-1", "--port", "9000"]);
    add("http://a.localhost").ok();
    let before = server.exec(&format!("cat {MANAGED}"));

    // The main file has a site of that name: no merge sees it, caddy's check does.
    server.exec("cp /etc/caddy/Caddyfile /root/kept; printf 'http://main.localhost {\\n\\trespond main\\n}\\n' >>/etc/caddy/Caddyfile; systemctl reload caddy");
    add("http://main.localhost").exits(4).says(&["http://main.localhost is in use by a site in /etc/caddy/Caddyfile"]);
    assert_eq!(
        (server.exec(&format!("cat {MANAGED}")), visit(&server, "main.localhost").as_str()),
        (before.clone(), "main")
    );

    // A main file that was broken by hand, with caddy still running on the old one.
    server.exec("printf 'oops {\\n' >>/etc/caddy/Caddyfile");
    add("http://b.localhost")
        .exits(1)
        .says(&["caddy on prod-1 does not accept the routes", "look into /etc/caddy/Caddyfile"]);
    assert_eq!(
        server.exec(&format!("cat {MANAGED}; ls {MANAGED}.new /etc/caddy/.infrakt-check* 2>/dev/null || :")),
        before
    );
    assert_eq!(visit(&server, "a.localhost"), "hello v1\n");
    assert_eq!(home.run(&["proxy", "domains", "prod-1", "--json"]).ok().json().as_array().unwrap().len(), 1);
    home.run(&["proxy", "reload", "prod-1"]).exits(1);
    server.exec("cp /root/kept /etc/caddy/Caddyfile");

    // A reload that fails although the check passed: the file before is back, and caddy serves it.
    server.exec("mkdir -p /etc/systemd/system/caddy.service.d; printf '[Service]\\nExecReload=\\nExecReload=/bin/sh -c \"! grep -q b.localhost /opt/infrakt/caddy/Caddyfile\"\\n' >/etc/systemd/system/caddy.service.d/x.conf; systemctl daemon-reload");
    add("http://b.localhost").exits(1).says(&["the routes before are back"]);
    assert_eq!(server.exec(&format!("cat {MANAGED}")), before);
    assert_eq!(visit(&server, "a.localhost"), "hello v1\n");
    server.exec("rm -r /etc/systemd/system/caddy.service.d; systemctl daemon-reload");

    // A failed job that is tried again makes its row anew.
    let failed = home.db().read(|conn| {
        infrakt::store::jobs::list(conn, &Default::default(), infrakt::store::Page { after: None, limit: 1 })
    });
    let id = failed.unwrap()[0].id.to_string();
    home.run(&["job", "retry", &id, "--wait"]).ok();
    assert_eq!(states(&home), ["http://a.localhost in_place", "http://b.localhost in_place"]);

    // Without caddy nothing is installed.
    server.exec("mv /usr/bin/caddy /root/caddy");
    home.run(&["proxy", "setup", "prod-1"]).exits(1).says(&["has no caddy", "server provision prod-1"]);
    server.exec("mv /root/caddy /usr/bin/caddy; rm -r /opt/infrakt; mv /etc/caddy/Caddyfile /root/main; printf 'http://own.localhost {\\n\\trespond own\\n}\\n' >/etc/caddy/Caddyfile; systemctl restart caddy");
    add("http://c.localhost").exits(1).says(&["has no proxy yet", "proxy setup prod-1"]);
    home.run(&["proxy", "setup", "prod-1"]).ok();
    assert_eq!(
        (visit(&server, "a.localhost").as_str(), visit(&server, "own.localhost").as_str()),
        ("hello v1\n", "own")
    );
    home.run(&["proxy", "setup", "prod-1"]).ok();
}

#[test]
fn an_apps_routes_are_the_same_rows_for_app_and_proxy_commands() {
    let server = TestServer::ready("approutes");
    let home = Home::with(&[("prod-1", &server)]);
    let image = "127.0.0.1:5000/hello:v1";
    home.run(&[
        "app",
        "create",
        "web",
        "--server",
        "prod-1",
        "--image",
        image,
        "--port",
        "8080",
        "--domain",
        "http://web.localhost",
    ])
    .ok();
    let add = |domain: &str| home.run(&["proxy", "add", domain, "--server", "prod-1", "--app", "web"]);
    add("http://early.localhost").ok();
    assert_eq!(states(&home), ["http://web.localhost waiting", "http://early.localhost waiting"]);
    home.run(&["app", "deploy", "web", "--wait"]).ok();
    add("http://late.localhost").ok();
    for host in ["web.localhost", "early.localhost", "late.localhost"] {
        assert_eq!(visit(&server, host), "hello v1\n", "{host}");
    }
    // A deploy of what stood before it was added, once more: it stays.
    home.run(&["app", "edit", "web", "--image", "127.0.0.1:5000/hello:v2"]).ok();
    home.run(&["app", "deploy", "web", "--wait"]).ok();
    assert_eq!(visit(&server, "late.localhost"), "hello v2\n");
    home.run(&["app", "edit", "web", "--image", "127.0.0.1:5000/hello:exits"]).ok();
    home.run(&["app", "deploy", "web", "--wait"]).exits(1);
    home.run(&["proxy", "remove", "http://early.localhost", "--server", "prod-1"]).ok();
    add("http://last.localhost").ok();
    home.run(&["app", "edit", "web", "--image", image]).ok();
    let failed = home.run(&["job", "list", "--all", "--state", "failed", "--json"]).ok().json();
    let id = failed[0]["id"].to_string();
    home.run(&["job", "retry", &id, "--wait"]).exits(1);
    assert_eq!(states(&home).iter().filter(|state| state.ends_with("in_place")).count(), 3, "{:?}", states(&home));
    home.run(&["app", "deploy", "web", "--wait"]).ok();
    let shown: BTreeSet<String> = states(&home).into_iter().collect();
    let wanted = ["http://last.localhost in_place", "http://late.localhost in_place", "http://web.localhost in_place"];
    assert_eq!(shown, wanted.map(str::to_owned).into());
    assert_eq!(home.app("web", "domain"), "http://web.localhost");
    home.run(&["proxy", "add", "http://web.localhost", "--server", "prod-1", "--port", "9000"]).exits(4);
    // A block in the first release's shape for an app that this home has not deployed: marked, and left as it is.
    home.run(&["app", "create", "old", "--server", "prod-1", "--image", image, "--domain", "http://old.localhost"])
        .ok();
    server.exec(&format!("printf '\\nhttp://old.localhost {{\\n    reverse_proxy localhost:3000\\n}}\\n' >>{MANAGED}"));
    home.run(&["proxy", "reload", "prod-1"]).ok();
    let block = server.exec(&format!("grep -A3 '^# infrakt .* old$' {MANAGED}"));
    assert!(block.contains("http://old.localhost {\n    reverse_proxy localhost:3000\n}"), "{block}");
}

#[test]
fn two_hundred_routes_from_ten_processes_are_all_there() {
    let server = TestServer::ready("many");
    let home = Home::with(&[("prod-1", &server)]);
    server.write(MANAGED, b"http://hand-7.localhost {\n\trespond hand\n}\n");
    let statuses: Vec<i32> = std::thread::scope(|scope| {
        let one = |process: u16| {
            let home = &home;
            move || -> Vec<i32> {
                (0..20u16)
                    .map(|n| {
                        // One of all is refused, whatever it travels with.
                        let domain = if (process, n) == (7, 7) {
                            "http://hand-7.localhost".to_owned()
                        } else {
                            format!("http://r{process}-{n}.localhost")
                        };
                        let port = (9000 + process * 20 + n).to_string();
                        home.run(&["proxy", "add", &domain, "--server", "prod-1", "--port", &port, "--timeout", "10m"])
                            .status
                    })
                    .collect()
            }
        };
        let all: Vec<_> = (0..10).map(|process| scope.spawn(one(process))).collect();
        all.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    if statuses.iter().any(|status| ![0, 4].contains(status)) {
        // Which job it was that did not end, and what stood in its way
        println!("{}", home.run(&["job", "list", "--all"]).out);
        for id in
            home.run(&["job", "list", "--json"]).json().as_array().unwrap().iter().map(|job| job["id"].to_string())
        {
            println!("{}", home.run(&["job", "show", &id]).out);
            println!("{}", home.run(&["job", "log", &id]).out);
        }
    }
    assert_eq!(statuses.iter().filter(|status| **status == 0).count(), 199, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 4).count(), 1);
    let text = server.exec(&format!("cat {MANAGED}"));
    assert_eq!(text.matches("reverse_proxy").count(), 199);
    for (process, n) in (0..10).flat_map(|process| (0..20).map(move |n| (process, n))).filter(|one| *one != (7, 7)) {
        let block =
            format!("http://r{process}-{n}.localhost {{\n    reverse_proxy 127.0.0.1:{}\n}}", 9000 + process * 20 + n);
        assert!(text.contains(&block), "{block}");
    }
    let jobs = home.run(&["job", "list", "--all", "--json"]).ok().json();
    let jobs = jobs.as_array().unwrap();
    println!("{} jobs", jobs.len());
    assert!(states(&home).iter().all(|state| state.ends_with(" in_place")));
}

/// From now on a reload with this in the routes hangs, with the new file in place, until [`let_go`].
fn hang_at(server: &TestServer, domain: &str) {
    server.exec(&format!(
        "mkdir -p /run/systemd/system/caddy.service.d; rm -f /run/let-go
         printf '[Service]\\nExecReload=\\nExecReload=/bin/sh -c \"while grep -q {domain} {MANAGED} && [ ! -e /run/let-go ]; do sleep 0.1; done; exec caddy reload --config /etc/caddy/Caddyfile --force\"\\n' \
           >/run/systemd/system/caddy.service.d/x.conf
         systemctl daemon-reload"
    ));
}

fn let_go(server: &TestServer) {
    server.exec("touch /run/let-go");
}

#[test]
fn a_step_that_is_killed_or_cancelled_in_the_middle_of_a_reload_leaves_file_rows_and_caddy_in_agreement() {
    let server = TestServer::ready("takeback");
    let home = Home::with(&[("prod-1", &server)]);
    let served =
        || server.exec("curl -s http://localhost:2019/config/ | grep -o '[a-z]*\\.localhost' | sort -u | xargs");
    home.run(&["proxy", "add", "http://a.localhost", "--server", "prod-1", "--port", "9000"]).ok();

    // Killed by somebody: the next run finds the file in place and does not take that for done.
    hang_at(&server, "k.localhost");
    let job = home.enqueue(&["proxy", "add", "http://k.localhost", "--server", "prod-1", "--port", "9001"]);
    home.wait_step(job, "routes");
    server.wait_until(&format!("grep -q k.localhost {MANAGED}"));
    assert_eq!(served(), "a.localhost");
    server.exec("systemctl kill --kill-whom=all -s KILL 'infrakt-*.service'");
    let_go(&server);
    home.run(&["job", "follow", &job.to_string()]).ok();
    assert_eq!(home.runs(job), ["routes 1 failed", "routes 2 succeeded"]);
    assert_eq!((served().as_str(), states(&home).len()), ("a.localhost k.localhost", 2));

    let before = server.exec(&format!("cat {MANAGED}"));
    hang_at(&server, "b.localhost");
    let job = home.enqueue(&["proxy", "add", "http://b.localhost", "--server", "prod-1", "--port", "9001"]);
    home.wait_step(job, "routes");
    server.wait_until(&format!("grep -q b.localhost {MANAGED}"));
    home.run(&["job", "cancel", &job.to_string()]).ok();
    let_go(&server);
    let ended = home.wait_end(job);
    assert_eq!(ended.state, JobState::Cancelled, "{:?}\n{}", ended.failure, home.log(job));
    assert_eq!(server.exec(&format!("cat {MANAGED}")), before);
    assert_eq!(served(), "a.localhost k.localhost");
    assert_eq!(states(&home), ["http://a.localhost in_place", "http://k.localhost in_place"]);
}
