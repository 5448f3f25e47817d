//! A home that is served, and what it answers. No process runs its jobs: a test takes them itself.

use crate::world::{START_MS, World};
use infrakt::clock::TestClock;
use infrakt::config::Home;
use infrakt::http::{self, Bound, Setup, State};
use infrakt::queue::finish::Ending;
use infrakt::queue::wake::Bell;
use infrakt::service::Service;
use infrakt::ssh::Ssh;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long a test waits for something before it fails.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// An error: its status and its code, and a text for people.
    #[track_caller]
    pub fn refuses(self, status: u16, code: &str) -> Value {
        let body = self.is(status).json();
        assert_eq!(body["code"], code, "{body}");
        assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
        body
    }

    /// Names of the fields that were refused.
    #[track_caller]
    pub fn faulty_fields(self) -> Vec<String> {
        let body = self.is(422).json();
        body["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap().to_owned()).collect()
    }
}

pub struct Api {
    url: String,
    key: String,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    end: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<()>>,
    /// Of the process that runs the jobs: the test.
    bell: Option<Bell>,
    // Behind what is served: it looks whether something was left.
    pub world: World,
}

impl Api {
    pub fn of(world: World) -> Self {
        let service =
            Service::open(Home::at(world.dir()), Arc::new(TestClock::at(START_MS)), Ssh::start(), None).unwrap();
        let key = service.first_key().unwrap().into_inner();
        let bound = Bound::bind(&["127.0.0.1:0".parse().unwrap()], None).unwrap();
        let url = format!("http://{}", bound.addresses()[0]);
        let setup = Setup { addresses: bound.addresses(), ..Setup::default() };
        let (end, ending) = oneshot::channel::<()>();
        let served = std::thread::spawn(move || {
            infrakt::actors::block_on(async {
                let end = async {
                    let _ = ending.await;
                };
                // What the actors do where jobs are run: it hears of commits.
                let (bell, db) = (service.bell().unwrap().clone(), service.db().clone());
                tokio::select! {
                    served = http::serve(State::new(service, setup), bound, end) => served.unwrap(),
                    () = bell.carry(db) => {}
                }
            });
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // One connection for each request: so the end waits for none that is kept open.
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        let bell = Some(Bell::hang(&world.run_dir()).unwrap());
        Self { url, key, client, runtime, end: Some(end), served: Some(served), bell, world }
    }

    pub fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .header("X-API-Key", &self.key)
            // As the first release's page does, also without a body.
            .header("Content-Type", "application/json");
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        self.runtime.block_on(async {
            let response = request.send().await.unwrap();
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Answer { status, headers, text: response.text().await.unwrap() }
        })
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body))
    }

    /// Without a body.
    pub fn ask(&self, path: &str) -> Answer {
        self.send(Method::POST, path, None)
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some(body))
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None)
    }

    /// Asks in the background, without a body.
    pub fn later(&self, method: Method, path: &str) -> JoinHandle<Answer> {
        let request = self.client.request(method, format!("{}{path}", self.url)).header("X-API-Key", &self.key);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let response = request.send().await.unwrap();
                let (status, headers) = (response.status().as_u16(), response.headers().clone());
                Answer { status, headers, text: response.text().await.unwrap() }
            })
        })
    }

    /// Waits for a job of that server, and ends it so.
    pub fn end_next_job(&mut self, server: &str, ending: Ending) -> i64 {
        let began = Instant::now();
        while self.world.queue().lines().filter(|line| line.ends_with(": queued")).count() == 0 {
            assert!(began.elapsed() < PATIENCE, "no job came:\n{}", self.world.queue());
            std::thread::park_timeout(Duration::from_millis(10));
        }
        self.end_job(server, ending)
    }

    /// Takes the next job of that server and ends it so.
    pub fn end_job(&mut self, server: &str, ending: Ending) -> i64 {
        let claim = self.world.claim(server);
        self.world.begin(&claim, 1, "one");
        self.world.end_step(&claim, 1, infrakt::domain::step::StepState::Succeeded, None);
        let id = self.world.finish(&claim, ending).id;
        if let Some(bell) = &self.bell {
            bell.ring();
        }
        id
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        if let Some(served) = self.served.take() {
            let ended = served.join();
            assert!(std::thread::panicking() || ended.is_ok(), "serving failed");
        }
        self.bell = None;
        // The threads that answered let go of the home a moment later.
        let began = Instant::now();
        let hangs = |dir: &Path| {
            std::fs::read_dir(dir).unwrap().any(|e| e.unwrap().path().extension().is_some_and(|e| e == "s"))
        };
        while hangs(&self.world.run_dir()) {
            assert!(std::thread::panicking() || began.elapsed() < PATIENCE, "somebody holds the home");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
}

/// The names of an object's fields.
pub fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// Every one of these is a field of the object.
#[track_caller]
pub fn has_fields(value: &Value, names: &[&str]) {
    let there = fields(value);
    let missing: Vec<_> = names.iter().filter(|name| !there.contains(name)).collect();
    assert!(missing.is_empty(), "missing: {missing:?} in {value}");
}
