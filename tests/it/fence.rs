//! A stale owner writes nothing: every call that takes a claim, after another one took the job, and after the job has ended.

use crate::world::{SHA, World};
use infrakt::domain::failure::Failure;
use infrakt::domain::plan::StoredPlan;
use infrakt::domain::server::HostKey;
use infrakt::domain::step::{OnLost, StepState};
use infrakt::queue::answer::PauseReason;
use infrakt::queue::finish::{Effects, Ending, finish};
use infrakt::queue::put_back::{PutBack, need_person, put_back, put_back_and_pause};
use infrakt::queue::record::{self, Intent, LogPart, StepEnd};
use infrakt::queue::{Claim, LEASE_MS, QueueError, observe};
use infrakt::store::Db;

/// Every table and every row, as text.
fn dump(db: &Db) -> String {
    use diesel::connection::Connection;
    use diesel::prelude::*;
    #[derive(QueryableByName)]
    struct Text {
        #[diesel(sql_type = diesel::sql_types::Text)]
        t: String,
    }
    let mut conn = diesel::sqlite::SqliteConnection::establish(db.path().to_str().unwrap()).unwrap();
    let mut ask = |sql: &str| -> Vec<String> {
        diesel::sql_query(sql).load::<Text>(&mut conn).unwrap().into_iter().map(|t| t.t).collect()
    };
    let mut all = String::new();
    for table in ask("SELECT name AS t FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1")
    {
        let columns = ask(&format!(
            "SELECT 'quote(' || group_concat(name, ') || '','' || quote(') || ')' AS t FROM pragma_table_info('{table}')"
        ));
        for row in ask(&format!("SELECT {} AS t FROM {table} ORDER BY 1", columns[0])) {
            all.push_str(&format!("{table}: {row}\n"));
        }
    }
    all
}

type Write = fn(&Db, &mut Claim, i64) -> Result<(), QueueError>;

fn host_key() -> HostKey {
    HostKey { key_type: "ssh-ed25519".to_owned(), fingerprint: "SHA256:x".to_owned() }
}

/// Everything that an owner can write.
const WRITES: &[(&str, Write)] = &[
    ("renew", |db, claim, now| record::renew(db, claim, now, LEASE_MS).map(drop)),
    ("record_plan", |db, claim, _| record::record_plan(db, claim, 1, &StoredPlan { steps: vec![] })),
    ("begin_step, a new one", |db, claim, now| {
        let intent = Intent { seq: 2, run: 1, name: "start", script_sha256: SHA, on_lost: OnLost::Ask };
        record::begin_step(db, claim, now, &intent).map(drop)
    }),
    ("begin_step, one that stands", |db, claim, now| {
        let intent = Intent { seq: 1, run: 1, name: "fetch", script_sha256: SHA, on_lost: OnLost::Ask };
        record::begin_step(db, claim, now, &intent).map(drop)
    }),
    ("append_log", |db, claim, now| {
        record::append_log(db, claim, now, &LogPart { seq: 1, run: 1, from: 0, to: 1, bytes: b"x" }).map(drop)
    }),
    ("note", |db, claim, now| record::note(db, claim, now, "x").map(drop)),
    ("end_step", |db, claim, now| {
        let failure = Failure::permanent("x", "y");
        let end = StepEnd {
            seq: 1,
            run: 1,
            state: StepState::Failed,
            exit_code: None,
            exit_reason: None,
            output: None,
            failure: Some(&failure),
        };
        record::end_step(db, claim, now, &end).map(drop)
    }),
    ("set_failure", |db, claim, _| record::set_failure(db, claim, &Failure::permanent("x", "y"))),
    ("raise_epoch", |db, claim, now| record::raise_epoch(db, claim, now, 100)),
    ("finish, succeeded", |db, claim, now| {
        let effects =
            Effects { commit_hash: Some("c".to_owned()), server_facts: Some("{}".to_owned()), ..Effects::default() };
        finish(db, claim, now, &Ending::Succeeded, &effects).map(drop)
    }),
    ("finish, failed", |db, claim, now| {
        let ending = Ending::Failed { failure: Failure::permanent("x", "y"), serving: None };
        finish(db, claim, now, &ending, &Effects::default()).map(drop)
    }),
    ("finish, cancelled", |db, claim, now| finish(db, claim, now, &Ending::Cancelled, &Effects::default()).map(drop)),
    ("put_back", |db, claim, now| {
        put_back(db, claim, now, &PutBack { run_at: now, reason: None, counts: true }).map(drop)
    }),
    ("put_back_and_pause", |db, claim, now| {
        put_back_and_pause(db, claim, now, &PauseReason::HostKey { pinned: host_key(), seen: host_key() }).map(drop)
    }),
    ("need_person", |db, claim, now| need_person(db, claim, now, "well?").map(drop)),
    ("server_seen", |db, claim, now| observe::server_seen(db, claim, now)),
    ("server_not_seen", |db, claim, now| observe::server_not_seen(db, claim, now, "x")),
    ("pin_first_host_key", |db, claim, now| observe::pin_first_host_key(db, claim, now, &host_key()).map(drop)),
    ("redraw_port", |db, claim, _| observe::redraw_port(db, claim, "main").map(drop)),
];

#[test]
fn a_stale_owner_writes_nothing_anywhere() {
    let mut world = World::new().server("a").app("blog");
    world.deploy("blog", "h");
    let mut stale = world.claim("a");
    world.begin(&stale, 1, "fetch");
    world.put_back(&stale);

    refused_everywhere(&world, &mut stale, "while the job waits");
    let current = world.claim("a");
    refused_everywhere(&world, &mut stale, "while another owner runs it");
    assert!(matches!(record::reload(&world.db, &stale), Err(QueueError::Fenced { .. })));
    world.finish(&current, Ending::Succeeded);
    refused_everywhere(&world, &mut stale, "after its end");
    let mut ended = current;
    refused_everywhere(&world, &mut ended, "by the owner who ended it");
}

fn refused_everywhere(world: &World, claim: &mut Claim, when: &str) {
    let before = dump(&world.db);
    for (name, write) in WRITES {
        let result = write(&world.db, claim, world.now() + 1);
        assert!(matches!(result, Err(QueueError::Fenced { job: 1 })), "{name} {when}: {result:?}");
        assert_eq!(dump(&world.db), before, "{name} {when} has written");
    }
}

#[test]
fn the_same_calls_write_for_the_owner() {
    for (name, write) in WRITES {
        let mut world = World::new().server("a").app("blog");
        world.deploy("blog", "h");
        let mut claim = world.claim("a");
        world.begin(&claim, 1, "fetch");
        let before = dump(&world.db);
        write(&world.db, &mut claim, world.now() + 1).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_ne!(dump(&world.db), before, "{name} has written nothing");
        if record::reload(&world.db, &claim).is_ok() {
            world.finish(&claim, Ending::Succeeded);
        }
    }
}
