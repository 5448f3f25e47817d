//! What the queue leaves in the database: keys, arguments, snapshots and events of one deploy from its request to its end.

use crate::page;
use infrakt::domain::app::{Resources, Source};
use infrakt::domain::database::DbKind;
use infrakt::domain::job::JobKind;
use infrakt::domain::route::{ProxyArgs, RouteChange, RouteTarget};
use infrakt::domain::server::NewServer;
use infrakt::domain::{app::NewApp, step::OnLost, step::StepState};
use infrakt::ops::app::{DestroyOptions, EnvPushArgs};
use infrakt::ops::database::{CreateArgs, DestroyArgs};
use infrakt::ops::provision::{Packages, ProvisionOptions};
use infrakt::queue::enqueue::{NewJob, Snapshot, enqueue};
use infrakt::queue::finish::{Effects, Ending};
use infrakt::queue::record::{Intent, LogPart, StepEnd};
use infrakt::queue::{LEASE_MS, QueueError, Worker, WorkerKind, claim, finish, record};
use infrakt::store::{Db, apps, events, servers};

const NOW: i64 = 1_764_000_000_000;

fn resources() -> Resources {
    Resources { port: 80, health_path: Some("/up".into()), ..Resources::default() }
}

fn snapshot(app_id: i64) -> Snapshot {
    Snapshot {
        app_id,
        source: Source::Image { image: "nginx:1.27".into() },
        env_sealed: "{}".into(),
        compose: None,
        resources: resources(),
        domains: vec!["web.example.com".into()],
        spec_hash: "0".repeat(64),
    }
}

#[test]
fn keys_and_arguments() {
    let options = ProvisionOptions { upgrade: false, packages: Packages::Auto };
    let provision = NewJob::provision(7, "prod-1", serde_json::to_string(&options).unwrap(), "ann");
    let deploy = NewJob::deploy((7, "prod-1"), (3, "web"), snapshot(3), "{}".into(), "ann");
    let (server, app) = ((7, "prod-1"), (3, "web"));
    let state = |kind| NewJob::run_state(kind, server, app, "ann");
    let push = EnvPushArgs { env: [("KEY".to_owned(), "gAAAAA…".to_owned())].into() };
    let push = NewJob::env_push(server, app, serde_json::to_string(&push).unwrap(), "ann");
    let destroy = serde_json::to_string(&DestroyOptions { volumes: false }).unwrap();
    let destroy = NewJob::destroy(server, app, destroy, "ann");
    let (restart, stop, start) = (state(JobKind::Restart), state(JobKind::Stop), state(JobKind::Start));
    let change = RouteChange { domain: "a.b".into(), before: None, after: Some(RouteTarget::App(3)), adopt: false };
    let args = ProxyArgs { changes: vec![change], ..ProxyArgs::default() };
    let proxy = NewJob::proxy(7, "prod-1", serde_json::to_string(&args).unwrap(), "ann");
    let args = CreateArgs { kind: DbKind::Postgres, volume: "infrakt.main.data".into(), kept: false };
    let db_create = NewJob::db_create(server, (4, "main"), snapshot(4), serde_json::to_string(&args).unwrap(), "ann");
    let args = serde_json::to_string(&DestroyArgs { volumes: false }).unwrap();
    let db_destroy = NewJob::db_destroy(server, (4, "main"), args, "ann");
    let made: String = [provision, deploy, restart, stop, start, push, destroy, proxy, db_create, db_destroy]
        .iter()
        .map(|job| {
            let key = |key: &Option<String>| key.clone().unwrap_or_else(|| "-".into());
            format!(
                "{:<10} title {:<17} unique_key {:<12} coalesce_key {:<11} args {}\n",
                job.kind.as_str(),
                job.title,
                key(&job.unique_key),
                key(&job.coalesce_key),
                job.args
            )
        })
        .collect();
    page::check("job keys", &made);
}

#[test]
fn snapshots() {
    let sources = [
        Source::Image { image: "nginx:1.27".into() },
        Source::Git { url: "https://example.com/web.git".into(), branch: "main".into(), commit: None, login: None },
        Source::Git {
            url: "https://example.com/web.git".into(),
            branch: "main".into(),
            commit: Some("3f2c1a4b".into()),
            login: Some("gAAAAA…".into()),
        },
        Source::Compose,
    ];
    let mut made: String =
        sources.iter().map(|source| format!("{}\n", serde_json::to_string(source).unwrap())).collect();
    made.push_str(&format!("{}\n", serde_json::to_string(&resources()).unwrap()));
    page::check("snapshot", &made);
}

#[test]
fn events_of_one_deploy() {
    let temp = tempfile::tempdir().unwrap();
    let db = Db::open(&temp.path().join("infrakt.db")).unwrap();
    let server = NewServer {
        name: "prod-1".into(),
        host: "203.0.113.10".into(),
        port: 22,
        user: "root".into(),
        ssh_key_path: None,
        provider: None,
        host_key: None,
    };
    db.write(|conn| {
        let server_id = servers::insert(conn, NOW, &server)?;
        let app = NewApp {
            name: "web".into(),
            server_id,
            domains: vec![],
            source: Source::Image { image: "nginx:1.27".into() },
            resources: resources(),
            compose: None,
        };
        let app_id = apps::insert(conn, NOW, &app)?;
        let job = NewJob::deploy((server_id, "prod-1"), (app_id, "web"), snapshot(app_id), "{}".into(), "ann");
        enqueue(conn, NOW, &job)
    })
    .unwrap();
    let worker = Worker::start(&db, temp.path(), WorkerKind::Cli, NOW).unwrap();
    let claim = claim::claim_next(&db, "srv:1", &worker, NOW, LEASE_MS).unwrap().unwrap();
    let hash = "0".repeat(64);
    let intent = Intent { seq: 1, run: 1, name: "fetch", script_sha256: &hash, on_lost: OnLost::Rerun };
    record::begin_step(&db, &claim, NOW, &intent).unwrap();
    let part = LogPart { seq: 1, run: 1, from: 0, to: 8, bytes: b"pulling\n" };
    record::append_log(&db, &claim, NOW, &part).unwrap();
    let end = StepEnd {
        seq: 1,
        run: 1,
        state: StepState::Succeeded,
        exit_code: Some(0),
        exit_reason: None,
        output: None,
        failure: None,
    };
    record::end_step(&db, &claim, NOW, &end).unwrap();
    finish::finish(&db, &claim, NOW, &Ending::Succeeded, &Effects::default()).unwrap();
    worker.stop(&db).unwrap();

    let seen = db.read(|conn| Ok::<_, QueueError>(events::after(conn, 0, 100)?)).unwrap();
    let made: String = seen.iter().map(|event| format!("{:<11}{}\n", event.kind, event.data)).collect();
    page::check("events", &made);
}
