//! What is live: followers of events and logs over HTTP, however many and however often they are cut off.

use crate::server_of::{Served, at_present, client, runtime};
use crate::world::World;
use infrakt::queue::finish::Ending;
use infrakt::queue::{Claim, record};
use serde_json::Value;
use std::time::Instant;

fn line(world: &World, claim: &Claim, n: usize) {
    record::note(&world.db, claim, world.now(), &format!("line {n}")).unwrap();
}

fn lines(upto: usize) -> String {
    (1..=upto).map(|n| format!("line {n}\n")).collect()
}

/// One event of a stream.
#[derive(Debug)]
struct Told {
    id: Option<i64>,
    event: String,
    data: Value,
}

struct Stream {
    answer: reqwest::Response,
    rest: Vec<u8>,
}

impl Stream {
    async fn open(client: &reqwest::Client, served: &Served, path: &str, after: Option<i64>) -> Self {
        let mut asked =
            client.get(served.url(path)).header("x-api-key", &served.key).header("accept", "text/event-stream");
        if let Some(after) = after {
            asked = asked.header("last-event-id", after);
        }
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        Self { answer, rest: Vec::new() }
    }

    /// The next event; none when the stream has ended.
    async fn next(&mut self) -> Option<Told> {
        loop {
            while let Some(end) = self.rest.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.rest.drain(..end + 2).collect();
                let block = String::from_utf8(block).unwrap();
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                if let Some(event) = field("event: ") {
                    let id = field("id: ").map(|id| id.parse().unwrap());
                    let data = serde_json::from_str(&field("data: ").unwrap()).unwrap();
                    return Some(Told { id, event, data });
                }
            }
            let some = self.answer.chunk().await.ok()??;
            self.rest.extend_from_slice(&some);
        }
    }

    /// A log to its end: the text and the job's state.
    async fn log(mut self) -> (String, String) {
        let mut text = String::new();
        while let Some(told) = self.next().await {
            match told.event.as_str() {
                "log" => text.push_str(told.data["text"].as_str().unwrap()),
                "end" => return (text, told.data["state"].as_str().unwrap().to_owned()),
                other => panic!("{other}: {}", told.data),
            }
        }
        panic!("the stream ended without a word behind {} bytes", text.len());
    }
}

#[test]
fn a_thousand_followers_of_a_running_job_get_every_line_once_and_in_order() {
    const FOLLOWERS: usize = 1000;
    let mut world = at_present().server("a").app("blog");
    let job = world.deploy("blog", "h").id;
    let claim = world.claim("a");
    (1..=20).for_each(|n| line(&world, &claim, n));
    let served = Served::start(world.dir());
    let began = (Instant::now(), served.cpu_ms());
    runtime().block_on(async {
        let client = client();
        let path = format!("/api/jobs/{job}/log");
        let mut readers = Vec::new();
        for _ in 0..FOLLOWERS {
            readers.push(tokio::spawn(Stream::open(&client, &served, &path, None).await.log()));
        }
        let held = served.rss_kib();
        for n in 21..=100 {
            line(&world, &claim, n);
            tokio::task::yield_now().await;
        }
        world.finish(&claim, Ending::Succeeded);
        let whole = (lines(100), "succeeded".to_owned());
        for reader in readers {
            assert_eq!(reader.await.unwrap(), whole);
        }
        println!(
            "{FOLLOWERS} followers: {:?}, {} ms of CPU, {held} KiB while all follow, {} KiB at the end",
            began.0.elapsed(),
            served.cpu_ms() - began.1,
            served.rss_kib()
        );
    });
}

#[test]
fn a_follower_that_is_cut_off_fifty_times_ends_with_the_log_byte_for_byte() {
    let mut world = at_present().server("a").app("blog");
    let job = world.deploy("blog", "h").id;
    let claim = world.claim("a");
    let served = Served::start(world.dir());
    runtime().block_on(async {
        let client = client();
        let path = format!("/api/jobs/{job}/log");
        let (mut after, mut text) = (None, String::new());
        for n in 1..=50 {
            line(&world, &claim, 2 * n - 1);
            line(&world, &claim, 2 * n);
            let mut stream = Stream::open(&client, &served, &path, after).await;
            // One of the two, or what was left over: then the connection is gone.
            for _ in 0..1 + n % 2 {
                let told = stream.next().await.unwrap();
                text.push_str(told.data["text"].as_str().unwrap());
                after = told.id;
            }
        }
        world.finish(&claim, Ending::Succeeded);
        let (rest, state) = Stream::open(&client, &served, &path, after).await.log().await;
        assert_eq!((text + &rest, state.as_str()), (lines(100), "succeeded"));
        // The same by pages.
        let (mut next, mut text) = (Some(format!("{path}?limit=7")), String::new());
        while let Some(path) = next {
            let answer = client.get(served.url(&path)).header("x-api-key", &served.key).send().await.unwrap();
            let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            next = link.map(|link| link[1..link.find('>').unwrap()].to_owned());
            let chunks: Vec<Value> = answer.json().await.unwrap();
            text.extend(chunks.iter().map(|chunk| chunk["text"].as_str().unwrap().to_owned()));
        }
        assert_eq!(text, lines(100));
    });
}

#[test]
fn events_come_with_their_names_from_a_cursor_and_the_end_is_told() {
    let world = at_present().server("a").app("blog");
    let job = world.deploy("blog", "h").id;
    let mut served = Served::start(world.dir());
    runtime().block_on(async {
        let client = client();
        let mut stream = Stream::open(&client, &served, "/api/events?after=0&app=blog", None).await;
        let told = stream.next().await.unwrap();
        let names = (&told.data["server_name"], &told.data["app_name"], &told.data["job_id"], &told.data["state"]);
        assert_eq!(names, (&"a".into(), &"blog".into(), &job.into(), &"queued".into()));
        assert_eq!(told.event, "job");
        let mut ahead = Stream::open(&client, &served, "/api/events", Some(1_000_000)).await;
        assert_eq!(ahead.next().await.unwrap().event, "reset");
        for wrong in ["/api/events?server=z", "/api/events?job=99", "/api/jobs/99/log"] {
            let answer = client.get(served.url(wrong)).header("x-api-key", &served.key).send().await.unwrap();
            assert_eq!(answer.status(), 404, "{wrong}");
        }
        served.terminate();
        let mut last = None;
        while let Some(told) = stream.next().await {
            last = Some(told.event);
        }
        assert_eq!(last.as_deref(), Some("shutdown"));
    });
    served.ended_well();
}
