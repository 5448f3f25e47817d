//! `kill -9` of `serve` while clients ask: a request was taken as a whole or not at all, and whoever asks again under the same
//! `Idempotency-Key` after the restart gets the one job.

use crate::served::answer;
use crate::server_of::{Served, at_present};
use crate::world::{World, new_app};
use infrakt::domain::job::{Job, JobKind};
use infrakt::domain::server::NewServer;
use infrakt::store::{Db, Page, StoreError, apps, deployments, jobs, routes, servers};
use rand::Rng;
use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

const ROUNDS: usize = 30;
const CLIENTS: usize = 4;
/// Of each client, one behind the other.
const ASKED: usize = 3;

/// From the answer that is waited for to the kill, at most.
const LATEST_US: u64 = 3000;

const PATIENCE: Duration = Duration::from_secs(60);

/// One request, about a server of its own: what is there of that server came from it.
#[derive(Clone, Debug)]
struct Ask {
    n: usize,
    kind: JobKind,
    line: String,
    body: String,
    /// The last job that was there before.
    behind: i64,
}

impl Ask {
    /// Kinds in turn; what each needs is made.
    fn new(world: &World, n: usize) -> Self {
        let server = format!("s-{n}");
        // Nobody listens there: jobs are taken and tried again.
        let new = NewServer {
            name: server.clone(),
            host: "127.0.0.1".to_owned(),
            port: 1,
            user: "root".to_owned(),
            ssh_key_path: None,
            provider: None,
            host_key: None,
        };
        let app = format!("app-{n}");
        world
            .db
            .write(|conn| {
                let id = servers::insert(conn, world.now(), &new)?;
                apps::insert(conn, world.now(), &new_app(&app, id))
            })
            .unwrap();
        let (kind, line, body) = match n % 6 {
            0 => (JobKind::Deploy, format!("/api/apps/{app}/deploy"), String::new()),
            1 => (JobKind::Provision, format!("/api/servers/{server}/provision"), String::new()),
            2 => {
                // Only what was deployed once can be started again.
                world.deploy(&app, "h");
                (JobKind::Restart, format!("/api/apps/{app}/restart"), String::new())
            }
            3 => {
                let route = format!(r#"{{"domain":"d-{n}.example.com","port":8080,"server_name":"{server}"}}"#);
                (JobKind::Proxy, "/api/proxy/routes".to_owned(), route)
            }
            4 => {
                let database = format!(r#"{{"name":"db-{n}","db_type":"redis","server_name":"{server}"}}"#);
                (JobKind::DbCreate, "/api/databases".to_owned(), database)
            }
            _ => {
                let job = world.provision(&server).id;
                infrakt::queue::cancel::request(&world.db, world.now(), job, "ben").unwrap();
                (JobKind::Provision, format!("/api/jobs/{job}/retry"), String::new())
            }
        };
        let behind = world.db.read(|conn| jobs::list(conn, &Default::default(), Page::first(1))).unwrap();
        let behind = behind.first().map_or(0, |job| job.id);
        Self { n, kind, line: format!("POST {line}"), body, behind }
    }

    /// The job's id; none where the line was cut before the answer was whole.
    fn send(&self, served: (u16, &str)) -> Option<i64> {
        let mut stream = TcpStream::connect(("127.0.0.1", served.0)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let text = format!(
            "{} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {}\r\nIdempotency-Key: ask-{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
            self.line,
            served.1,
            self.n,
            self.body.len(),
            self.body
        );
        stream.write_all(text.as_bytes()).ok()?;
        let answer = answer(stream)?;
        if answer.header("content-length") != Some(&answer.body.len().to_string()) {
            return None;
        }
        let answer = answer.is(202);
        Some(answer.json()["job_id"].as_i64().unwrap_or_else(|| panic!("{self:?}: {}", answer.body)))
    }

    /// Jobs that came of it. With a job there is all that belongs to it, and without one nothing.
    fn jobs(&self, db: &Db) -> Vec<i64> {
        let (all, domain_rows) = db
            .read(|conn| {
                let server = servers::find_by_name(conn, &format!("s-{}", self.n))?.expect("nobody removes it");
                let filter = jobs::Filter { server_id: Some(server.id), ..jobs::Filter::default() };
                let mut all = jobs::list(conn, &filter, Page::all())?;
                all.retain(|job| job.id > self.behind);
                let rows = match self.kind {
                    JobKind::Deploy => {
                        let app = apps::find_by_name(conn, &format!("app-{}", self.n))?.remove(0);
                        let made = deployments::list(conn, Some(app.id), Page::all())?;
                        assert!(all.iter().all(|job| made.iter().any(|row| Some(row.id) == job.deployment_id)));
                        Some(made.len())
                    }
                    JobKind::Proxy => Some(routes::of_server(conn, server.id)?.len()),
                    JobKind::DbCreate => Some(apps::find_by_name(conn, &format!("db-{}", self.n))?.len()),
                    _ => None,
                };
                Ok::<_, StoreError>((all, rows))
            })
            .unwrap();
        assert!(all.iter().all(|job: &Job| job.kind == self.kind), "{self:?}: {all:?}");
        assert!(domain_rows.is_none_or(|rows| rows == all.len()), "{self:?}: {domain_rows:?} rows, {all:?}");
        all.iter().map(|job| job.id).collect()
    }
}

/// Clients ask, each its own one after the other, and the process is killed soon after so many answers. What each was told.
fn ask_and_kill(served: Served, clients: &[Vec<Ask>], answers: usize) -> Vec<(Ask, Option<i64>)> {
    let (port, key) = (served.port(), served.key.clone());
    let delay = Duration::from_micros(rand::rng().random_range(0..LATEST_US));
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        let ask = |mine: &Vec<Ask>, tell: mpsc::Sender<()>| -> Vec<(Ask, Option<i64>)> {
            let each = mine.iter().map(|ask| {
                let said = ask.send((port, &key));
                if said.is_some() {
                    let _ = tell.send(());
                }
                (ask.clone(), said)
            });
            each.collect()
        };
        let threads: Vec<_> = clients
            .iter()
            .map(|mine| {
                let tell = tell.clone();
                scope.spawn(move || ask(mine, tell))
            })
            .collect();
        (0..answers).for_each(|n| told.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("after {n} answers: {e}")));
        std::thread::sleep(delay);
        served.kill();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn a_kill_amid_requests_loses_nothing_that_was_answered_and_a_retry_doubles_nothing() {
    let world = at_present();
    let rounds: Vec<Vec<Vec<Ask>>> = (0..ROUNDS)
        .map(|round| {
            let of = |client| (round * CLIENTS + client) * ASKED..(round * CLIENTS + client + 1) * ASKED;
            (0..CLIENTS).map(|client| of(client).map(|n| Ask::new(&world, n)).collect()).collect()
        })
        .collect();
    let (mut answered, mut unanswered, mut taken) = (0, 0, 0);
    let mut served = Served::start(world.dir());
    for (round, clients) in rounds.iter().enumerate() {
        let told = ask_and_kill(served, clients, round % (CLIENTS * ASKED));
        let mut there = Vec::new();
        for (ask, said) in &told {
            let jobs = ask.jobs(&world.db);
            assert!(jobs.len() <= 1, "{ask:?}: {jobs:?}");
            match said {
                Some(id) => {
                    assert_eq!(jobs, [*id], "what was answered is there: {ask:?}");
                    answered += 1;
                }
                None if jobs.is_empty() => unanswered += 1,
                None => taken += 1,
            }
            there.push(jobs.first().copied());
        }
        served = Served::start(world.dir());
        for ((ask, _), there) in told.iter().zip(there) {
            let again = ask.send((served.port(), &served.key)).expect("it lives");
            assert!(there.is_none_or(|there| there == again), "{ask:?}: {there:?} was there, {again} was answered");
            assert_eq!(ask.send((served.port(), &served.key)), Some(again), "{ask:?}");
            assert_eq!(ask.jobs(&world.db), [again], "{ask:?}");
        }
    }
    println!("{answered} answered, {taken} taken and not answered, {unanswered} not taken, of {ROUNDS} kills");
    assert!(answered > 0 && unanswered + taken > 0, "the kills came amid the requests");
}

#[test]
fn all_who_ask_the_same_under_one_key_before_and_after_a_kill_get_one_job() {
    let world = at_present();
    let asks: Vec<Ask> = (0..12).map(|n| Ask::new(&world, n)).collect();
    let mut served = Served::start(world.dir());
    for (round, ask) in asks.iter().enumerate() {
        let clients: Vec<Vec<Ask>> = (0..8).map(|_| vec![ask.clone()]).collect();
        let told = ask_and_kill(served, &clients, round % 4);
        let mut said: Vec<i64> = told.into_iter().filter_map(|(_, said)| said).collect();
        said.extend(ask.jobs(&world.db));
        served = Served::start(world.dir());
        let (port, key) = (served.port(), served.key.as_str());
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| ask.send((port, key)).expect("it lives"))).collect();
            said.extend(threads.into_iter().map(|thread| thread.join().unwrap()));
        });
        said.dedup();
        assert_eq!(said.len(), 1, "{ask:?}: {said:?}");
        assert_eq!(ask.jobs(&world.db), said, "{ask:?}");
    }
}
