//! The web page's files, and what watches over the process.

use crate::server_of::{Served, at_present, client, runtime};
use serde_json::Value;

#[test]
fn a_build_in_a_folder_is_served_and_nothing_beside_it() {
    let world = at_present();
    let ui = world.dir().join("ui");
    std::fs::create_dir_all(ui.join("assets")).unwrap();
    std::fs::write(ui.join("index.html"), "<!doctype html><title>the page</title>").unwrap();
    let script = "console.log('x');".repeat(500);
    std::fs::write(ui.join("assets/app-1a2b.js"), &script).unwrap();
    std::os::unix::fs::symlink(world.dir().join("infrakt.db"), ui.join("db")).unwrap();
    let served = Served::start_with(world.dir(), &["--ui", ui.to_str().unwrap()]);
    runtime().block_on(async {
        let client = client();
        let get = async |path: &str| client.get(served.url(path)).send().await.unwrap();
        for path in ["/", "/index.html", "/apps/a.b/logs", "/db", "/%2e%2e/infrakt.db", "/..%2finfrakt.db"] {
            let answer = get(path).await;
            assert_eq!(answer.status(), 200, "{path}");
            assert_eq!(answer.headers()["cache-control"], "no-cache", "{path}");
            assert!(answer.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'"));
            assert!(answer.text().await.unwrap().contains("the page"), "{path}");
        }
        let asset = get("/assets/app-1a2b.js").await;
        assert_eq!(asset.headers()["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(asset.headers()["content-type"], "text/javascript; charset=utf-8");
        let tag = asset.headers()["etag"].clone();
        assert_eq!(asset.text().await.unwrap(), script);
        let again = client.get(served.url("/assets/app-1a2b.js")).header("if-none-match", tag).send().await.unwrap();
        assert_eq!(again.status(), 304);
        let small =
            client.get(served.url("/assets/app-1a2b.js")).header("accept-encoding", "gzip").send().await.unwrap();
        assert_eq!(small.headers()["content-encoding"], "gzip");
        assert!(small.bytes().await.unwrap().len() < script.len() / 10);
        std::fs::write(ui.join("assets/app-1a2b.js.br"), "packed br").unwrap();
        std::fs::write(ui.join("assets/app-1a2b.js.gz"), "packed gzip").unwrap();
        let packed = [
            ("gzip, deflate, br, zstd", Some("br")),
            ("br;q=0, gzip", Some("gzip")),
            ("gzip;q=0.5", Some("gzip")),
            ("identity", None),
        ];
        for (takes, word) in packed {
            let asked = client.get(served.url("/assets/app-1a2b.js")).header("accept-encoding", takes);
            let answer = asked.send().await.unwrap();
            assert_eq!(answer.headers().get("content-encoding").map(|v| v.to_str().unwrap()), word, "{takes}");
            assert_eq!(answer.headers()["content-type"], "text/javascript; charset=utf-8");
            assert_eq!(word.is_some(), answer.headers().get("vary").is_some(), "{takes}");
            let expected = word.map_or(script.clone(), |word| format!("packed {word}"));
            assert_eq!(answer.text().await.unwrap(), expected, "{takes}");
        }
        let gone = get("/assets/gone.js").await;
        assert_eq!(gone.status(), 404);
        assert_eq!(gone.headers()["content-type"], "application/json");
        assert_eq!(client.post(served.url("/")).send().await.unwrap().status(), 405);
    });
}

#[test]
fn the_health_is_open_and_the_metrics_can_be_read() {
    let mut world = at_present().server("a").app("blog").server("b \"x\"");
    world.deploy("blog", "h");
    let claim = world.claim("a");
    let served = Served::start(world.dir());
    runtime().block_on(async {
        let client = client();
        let health: Value =
            client.get(served.url("/api/health?ready=true")).send().await.unwrap().json().await.unwrap();
        assert_eq!((&health["status"], &health["ready"]), (&"ok".into(), &true.into()), "{health}");
        let refused = client.get(served.url("/api/metrics")).send().await.unwrap();
        assert_eq!(refused.status(), 401);
        let metrics = async || {
            let asked = client.get(served.url("/api/metrics")).header("x-api-key", &served.key);
            asked.send().await.unwrap().text().await.unwrap()
        };
        let text = metrics().await;
        assert!(text.contains("infrakt_jobs{server=\"a\",state=\"running\"} 1\n"), "{text}");
        world.done(&claim, 1, "fetch");
        world.finish(&claim, infrakt::queue::finish::Ending::Succeeded);
        // Counted from the events, which come when the reader has been woken.
        let mut text = metrics().await;
        while !text.contains("infrakt_jobs_ended_total{kind=\"deploy\",state=\"succeeded\"} 1\n") {
            tokio::task::yield_now().await;
            text = metrics().await;
        }
        assert!(text.contains("infrakt_step_seconds_count{step=\"fetch\",state=\"succeeded\"} 1\n"), "{text}");
        let route = "infrakt_http_request_seconds_count{method=\"GET\",route=\"/api/health\",status=\"200\"} 1\n";
        assert!(text.contains(route), "{text}");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let name = series.split('{').next().unwrap();
            let family = name.trim_end_matches("_sum").trim_end_matches("_count");
            assert!(text.contains(&format!("# TYPE {family} ")), "{line}");
        }
    });
}
