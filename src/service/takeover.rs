//! Opening a home, and taking over one that the first release made.
//!
//! One process does it; the others wait. What may still fail comes first: the master key and the copy; then one transaction changes the
//! database; then files that belong to no app are set aside. The mark in `run/` says to the next start that the last part is not done.

use super::{Service, ServiceError};
use crate::config::Home;
use crate::store::takeover::{self, TakeOver, TakenOver};
use crate::store::{Db, Page, StoreError, apps};
use crate::vault::{EnvFile, MasterKey, VaultError};
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// No program has counted so far: a file with a higher number was not made by one.
const HIGHEST_ID: i64 = 1_000_000_000_000;

const ORPHANED: &str = "orphaned";

const NOTE: &str = "\
These are environments of apps that were destroyed or removed before infrakt took this home over from its first release, which left
their files behind. No app uses them: each is named after the id that its app had. They are sealed with master.key like the others.
Delete this folder when you need none of them.
";

/// What was done, for people.
#[derive(Clone, Debug)]
pub struct TakenHome {
    pub database: TakenOver,
    /// Environments that belong to no app.
    pub orphaned: usize,
}

/// Opens the home's database. A home of this release costs one look at a file more than the opening.
pub(super) fn open(home: &Home, now: i64) -> Result<(Db, Option<TakenHome>), ServiceError> {
    match Db::open(&home.db()) {
        Ok(db) if !home.takeover_mark().exists() => Ok((db, None)),
        Ok(_) | Err(StoreError::FirstRelease { .. }) => take_over(home, now),
        Err(error) => Err(error.into()),
    }
}

fn take_over(home: &Home, now: i64) -> Result<(Db, Option<TakenHome>), ServiceError> {
    let mark = Mark::take(home.takeover_mark())?;
    let done = take_over_locked(home, now);
    mark.remove();
    done
}

fn take_over_locked(home: &Home, now: i64) -> Result<(Db, Option<TakenHome>), ServiceError> {
    let order = TakeOver { now, version: env!("CARGO_PKG_VERSION"), highest_app_id: highest_app_id(home)? };
    let judge = |sealed| check_key(home, sealed);
    let database = takeover::take_over(&home.db(), &order, judge)?;
    let db = Db::open(&home.db())?;
    let orphaned = set_orphans_aside(home, &db)?;
    home.close_all()?;
    Ok((db, database.map(|database| TakenHome { database, orphaned })))
}

/// A locked file: who has the lock takes over, and a file that is there without its holder says that one was killed in the middle.
struct Mark {
    path: PathBuf,
    _file: File,
}

impl Mark {
    fn take(path: PathBuf) -> Result<Self, ServiceError> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(vault_io(&path))?;
        file.lock().map_err(vault_io(&path))?;
        Ok(Self { path, _file: file })
    }

    /// Whoever waits for the lock of the file that is gone gets it, looks, and finds all done.
    fn remove(self) {
        // One that stays costs the next start a look.
        let _ = fs::remove_file(&self.path);
    }
}

/// The key that seals this home's values, told by its check. A home without sealed values may have none yet.
fn check_key(home: &Home, mut sealed: Vec<String>) -> Result<Option<String>, ServiceError> {
    for (_, path) in env_files(home)? {
        // A damaged file is met where it is used.
        sealed.extend(EnvFile::new(path).read().unwrap_or_default().into_values());
    }
    let path = home.master_key();
    match MasterKey::open(&path) {
        Ok(key) => {
            // One value may be of another time; a key that opens none of them is not theirs.
            let opens = |token: &String| key.open_token(token, "").is_ok();
            if sealed.is_empty() || sealed.iter().any(opens) {
                return Ok(Some(key.check()));
            }
            let what = format!("what lies sealed in {}", home.envs().display());
            Err(VaultError::WrongKey { what }.into())
        }
        Err(VaultError::KeyMissing { .. }) if sealed.is_empty() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// `envs/<id>.json` with their ids.
fn env_files(home: &Home) -> Result<Vec<(i64, PathBuf)>, ServiceError> {
    ids_in(&home.envs())
}

fn ids_in(folder: &Path) -> Result<Vec<(i64, PathBuf)>, ServiceError> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(vault_io(folder))? {
        let path = entry.map_err(vault_io(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let id = name.strip_suffix(".json").filter(|id| id.bytes().all(|b| b.is_ascii_digit()));
        if let Some(id) = id.and_then(|id| id.parse().ok()) {
            all.push((id, path));
        }
    }
    Ok(all)
}

/// Of all that an environment was ever kept for, here or set aside before.
fn highest_app_id(home: &Home) -> Result<i64, ServiceError> {
    let aside = home.envs().join(ORPHANED);
    let mut all = env_files(home)?;
    if aside.is_dir() {
        all.extend(ids_in(&aside)?);
    }
    Ok(all.into_iter().map(|(id, _)| id).filter(|id| *id <= HIGHEST_ID).max().unwrap_or_default())
}

/// Environments of apps that are gone move away from where a new app could come upon them.
fn set_orphans_aside(home: &Home, db: &Db) -> Result<usize, ServiceError> {
    let known: BTreeSet<i64> =
        db.read(|conn| apps::list(conn, apps::Filter::default(), Page::all()))?.iter().map(|app| app.id).collect();
    let orphans: Vec<PathBuf> =
        env_files(home)?.into_iter().filter(|(id, _)| !known.contains(id)).map(|(_, path)| path).collect();
    if orphans.is_empty() {
        return Ok(0);
    }
    let aside = home.envs().join(ORPHANED);
    match DirBuilder::new().mode(0o700).create(&aside) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(vault_io(&aside)(error).into()),
        _ => {}
    }
    fs::write(aside.join("README.txt"), NOTE).map_err(vault_io(&aside))?;
    for path in &orphans {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut target = aside.join(&*name);
        let mut number = 2;
        // From a home that was taken over, given back and taken over again.
        while target.exists() {
            target = aside.join(format!("{name}.{number}"));
            number += 1;
        }
        fs::rename(path, &target).map_err(vault_io(path))?;
    }
    for folder in [aside, home.envs()] {
        File::open(&folder).and_then(|folder| folder.sync_all()).map_err(vault_io(&folder))?;
    }
    Ok(orphans.len())
}

fn vault_io(path: &Path) -> impl FnOnce(io::Error) -> VaultError {
    let path = path.to_owned();
    move |source| VaultError::Io { path, source }
}

impl Service {
    /// What the opening of this home took over, if it did.
    pub fn taken_over(&self) -> Option<&TakenHome> {
        self.inner.taken_over.as_ref()
    }
}
