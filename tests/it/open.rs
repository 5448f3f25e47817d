//! Opening a database: what is made, what is refused, and that nothing is lost or overwritten by it.

use crate::world::World;
use infrakt::domain::server::NewServer;
use infrakt::queue::QueueError;
use infrakt::store::{Db, Page, StoreError, meta, servers};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

fn new_server(name: &str) -> NewServer {
    NewServer {
        name: name.to_owned(),
        host: "192.0.2.1".to_owned(),
        port: 22,
        user: "root".to_owned(),
        ssh_key_path: None,
        provider: None,
        host_key: None,
    }
}

/// A database as another program leaves it, made without this one.
fn foreign(path: &Path, sql: &str) {
    use diesel::connection::{Connection, SimpleConnection};
    let mut conn = diesel::sqlite::SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute(sql).unwrap();
}

#[test]
fn the_file_and_what_lies_beside_it_are_for_the_owner_alone() {
    let world = World::new().server("a");
    for entry in std::fs::read_dir(world.dir()).unwrap().map(|e| e.unwrap()) {
        if entry.file_type().unwrap().is_file() {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?}", entry.path());
        }
    }
}

#[test]
fn an_installation_gets_its_uuid_once() {
    let world = World::new();
    let first = world.db.read(meta::installation).unwrap().unwrap();
    let again = Db::open(world.db.path()).unwrap().read(meta::installation).unwrap().unwrap();
    assert_eq!(first, again);
    assert_eq!(first.len(), 36);
}

#[test]
fn what_is_no_database_of_ours_is_refused_by_name_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let check = |name: &str, expect: fn(&StoreError) -> bool| {
        let path = dir.path().join(name);
        let before = std::fs::read(&path).unwrap();
        let error = Db::open(&path).unwrap_err();
        assert!(expect(&error), "{name}: {error:?}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{name}: {error}");
        assert_eq!(std::fs::read(&path).unwrap(), before, "{name} was changed");
    };
    std::fs::write(dir.path().join("text"), "this is a letter to my aunt, and not short\n".repeat(20)).unwrap();
    check("text", |e| matches!(e, StoreError::NotADatabase { .. }));
    std::fs::write(dir.path().join("short"), "SQLite format 3\0").unwrap();
    check("short", |e| matches!(e, StoreError::NotADatabase { .. }));

    foreign(&dir.path().join("foreign"), "CREATE TABLE cats (name TEXT); INSERT INTO cats VALUES ('Mia')");
    check("foreign", |e| matches!(e, StoreError::Foreign { .. }));
    foreign(&dir.path().join("foreign?wal#50%"), "PRAGMA journal_mode=WAL; CREATE TABLE cats (name TEXT)");
    check("foreign?wal#50%", |e| matches!(e, StoreError::Foreign { .. }));
    foreign(
        &dir.path().join("first"),
        "CREATE TABLE servers (id INTEGER PRIMARY KEY); CREATE TABLE apps (id INTEGER PRIMARY KEY);
         CREATE TABLE deployments (id INTEGER PRIMARY KEY)",
    );
    check("first", |e| matches!(e, StoreError::FirstRelease { .. }));

    let good = dir.path().join("good");
    drop(Db::open(&good).unwrap());
    let bytes = std::fs::read(&good).unwrap();
    std::fs::write(dir.path().join("cut"), &bytes[..bytes.len() / 2]).unwrap();
    check("cut", |e| matches!(e, StoreError::Damaged { .. }));
    let mut scratched = bytes.clone();
    scratched[100..4000].fill(0xa5);
    std::fs::write(dir.path().join("scratched"), &scratched).unwrap();
    check("scratched", |e| matches!(e, StoreError::Damaged { .. }));

    std::fs::create_dir(dir.path().join("folder")).unwrap();
    let error = Db::open(&dir.path().join("folder")).unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
}

/// What a process that was killed leaves, for somebody who opens it when nobody else has it open.
fn killed_copy(world: &World, dir: &Path) -> std::path::PathBuf {
    for name in ["infrakt.db", "infrakt.db-wal"] {
        std::fs::copy(world.dir().join(name), dir.join(name)).unwrap();
    }
    dir.join("infrakt.db")
}

#[test]
fn a_database_left_by_a_killed_process_is_opened_with_all_that_was_committed() {
    let world = World::new().server("a").server("b");
    let dir = tempfile::tempdir().unwrap();
    let path = killed_copy(&world, dir.path());
    let db = Db::open(&path).unwrap();
    assert_eq!(db.read(|conn| servers::count(conn, None)).unwrap(), 2);
    db.check().unwrap();
}

#[test]
fn a_process_killed_while_it_carried_the_log_over_has_damaged_nothing() {
    let world = World::new().server("a");
    let dir = tempfile::tempdir().unwrap();
    let path = killed_copy(&world, dir.path());
    // The first page is carried over first: its count of pages is ahead of the file.
    let mut bytes = std::fs::read(&path).unwrap();
    let ahead = (bytes.len() / 4096 + 100) as u32;
    bytes[28..32].copy_from_slice(&ahead.to_be_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let db = Db::open(&path).unwrap();
    assert_eq!(db.read(|conn| servers::count(conn, None)).unwrap(), 1);
    db.check().unwrap();
}

#[test]
fn a_damaged_page_is_found_by_the_check() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("infrakt.db");
    let db = Db::open(&path).unwrap();
    for n in 0..200 {
        db.write(|conn| servers::insert(conn, 0, &new_server(&format!("server-{n}")))).unwrap();
    }
    db.check().unwrap();
    drop(db);
    let mut bytes = std::fs::read(&path).unwrap();
    let end = bytes.len();
    let at = bytes.windows(10).rposition(|w| w == b"server-199").unwrap();
    bytes[at - 40..(at + 200).min(end)].fill(0xff);
    std::fs::write(&path, &bytes).unwrap();
    let error = Db::open(&path).and_then(|db| db.check()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. } | StoreError::Unreadable(_)), "{error:?}");
}

#[test]
fn an_error_or_a_panic_leaves_nothing_of_a_transaction() {
    let world = World::new();
    let refused: Result<(), StoreError> = world.db.write(|conn| {
        servers::insert(conn, 0, &new_server("half"))?;
        Err(StoreError::NoPortLeft)
    });
    assert!(refused.is_err());
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        world.db.write::<(), StoreError>(|conn| {
            servers::insert(conn, 0, &new_server("half"))?;
            panic!("in the middle")
        })
    }));
    assert!(panicked.is_err());
    assert!(world.db.read(|conn| servers::list(conn, Page::all())).unwrap().is_empty());
    world.db.write(|conn| servers::insert(conn, 0, &new_server("whole"))).unwrap();
    assert_eq!(world.db.read(|conn| servers::list(conn, Page::all())).unwrap().len(), 1);
}

#[test]
fn a_reader_cannot_write() {
    let world = World::new();
    let error = world.db.read(|conn| servers::insert(conn, 0, &new_server("a"))).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
}

#[test]
fn a_reader_sees_one_state_while_others_write() {
    let world = World::new().server("a");
    world
        .db
        .read(|conn| {
            let before = servers::count(conn, None)?;
            world.db.write(|conn| servers::insert(conn, 0, &new_server("b")))?;
            assert_eq!(servers::count(conn, None)?, before);
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert_eq!(world.db.read(|conn| servers::count(conn, None)).unwrap(), 2);
}

#[test]
fn the_data_version_moves_with_each_commit_of_anyone() {
    let world = World::new();
    let at_first = world.db.data_version().unwrap();
    assert_eq!(world.db.data_version().unwrap(), at_first);
    world.db.write(|conn| servers::insert(conn, 0, &new_server("own"))).unwrap();
    let after_own = world.db.data_version().unwrap();
    assert_ne!(after_own, at_first);
    let other = Db::open(world.db.path()).unwrap();
    other.write(|conn| servers::insert(conn, 0, &new_server("other"))).unwrap();
    assert_ne!(world.db.data_version().unwrap(), after_own);
}

#[test]
fn eight_first_starts_at_once_make_one_database() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("infrakt.db");
    let installations: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| Db::open(&path).unwrap().read(meta::installation).unwrap().unwrap()))
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(installations.iter().all(|i| *i == installations[0]), "{installations:?}");
}

#[test]
fn a_full_disk_is_said_with_the_file_and_the_writer_goes_on_with_what_fits() {
    // A tmpfs of its own needs the right to mount; a quota on the file size does not.
    let exe = std::env::current_exe().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let status = Command::new("sh")
        .args(["-c", "ulimit -f 4096; exec \"$0\" --exact open::child_fills_the_disk --nocapture"])
        .arg(exe)
        .env("INFRAKT_TEST_FILL", dir.path())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

/// The child of the test above: without its variable there is nothing to fill.
#[test]
fn child_fills_the_disk() {
    let Some(dir) = std::env::var_os("INFRAKT_TEST_FILL") else { return };
    // Past the limit a write fails with EFBIG once the signal for it is ignored.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let path = Path::new(&dir).join("infrakt.db");
    let db = Db::open(&path).unwrap();
    let text = "x".repeat(1 << 20);
    let error = (0..100)
        .find_map(|n| db.write(|conn| meta::set(conn, &format!("filler-{n}"), &text)).err())
        .expect("a limit of 2 MiB is met");
    assert!(matches!(error, StoreError::Full { .. } | StoreError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("infrakt.db"), "{error}");
    db.read(|conn| servers::list(conn, Page::all())).unwrap();
    db.write(|conn| meta::set(conn, "small", "fits")).expect("what failed before has left the writer whole");
    assert_eq!(db.read(|conn| meta::get(conn, "small")).unwrap().as_deref(), Some("fits"));
}

#[test]
fn an_older_program_claims_nothing_and_says_what_is_needed() {
    let mut world = World::new().server("a");
    world.provision("a");
    world.db.write(|conn| meta::set_min_writer(conn, "99.0.0")).unwrap();
    let (db, lane, now) = (world.db.clone(), world.lane("a"), world.now());
    let error = infrakt::queue::claim::claim_next(&db, &lane, world.worker(), now, 1000).unwrap_err();
    assert!(matches!(error, QueueError::TooOld { ref needs, .. } if needs == "99.0.0"), "{error:?}");
    world.db.write(|conn| meta::set_min_writer(conn, env!("CARGO_PKG_VERSION"))).unwrap();
    let claim = world.claim("a");
    world.put_back(&claim);
}
