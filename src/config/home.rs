//! The home folder: its layout, and how it is made and kept closed to others.

use super::{ConfigError, environment, filesystem};
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Everything about a user's servers and apps. Folders 0700, files 0600.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    dir: PathBuf,
}

impl Home {
    /// `--home`, else `INFRAKT_HOME`, else `~/.infrakt`. Touches nothing.
    pub fn resolve(flag: Option<PathBuf>) -> Result<Self, ConfigError> {
        let dir = match flag.or_else(environment::infrakt_home) {
            Some(dir) if dir.is_absolute() => dir,
            Some(dir) => environment::current_dir()?.join(dir),
            None => environment::user_home().ok_or(ConfigError::NoHome)?.join(".infrakt"),
        };
        Ok(Self { dir })
    }

    /// A home at a given (absolute) folder.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// SQLite: servers, apps, deployments and the queue.
    pub fn db(&self) -> PathBuf {
        self.dir.join("infrakt.db")
    }

    /// The Fernet key, made once.
    pub fn master_key(&self) -> PathBuf {
        self.dir.join("master.key")
    }

    /// The API's first key.
    pub fn api_key(&self) -> PathBuf {
        self.dir.join("api_key.txt")
    }

    /// Sealed environments, one file an app.
    pub fn envs(&self) -> PathBuf {
        self.dir.join("envs")
    }

    /// The sealed environment of one app.
    pub fn env_file(&self, app_id: i64) -> PathBuf {
        self.envs().join(format!("{app_id}.json"))
    }

    /// Private keys that infrakt was asked to keep.
    pub fn keys(&self) -> PathBuf {
        self.dir.join("keys")
    }

    /// Sockets and lock files of living processes.
    pub fn run(&self) -> PathBuf {
        self.dir.join("run")
    }

    /// There while a home of the first release is taken over.
    pub fn takeover_mark(&self) -> PathBuf {
        self.run().join("takeover")
    }

    /// The host key of a server as `ssh` reads it; written anew with each call of `ssh`.
    pub fn known_hosts(&self, server_id: i64) -> PathBuf {
        self.run().join(format!("known-{server_id}"))
    }

    /// What detached workers said.
    pub fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// Makes what is missing, closes what is open to others, and refuses file systems on which locks do not hold.
    /// Says whether the home was made by this call.
    pub fn prepare(&self) -> Result<bool, ConfigError> {
        match fs::metadata(&self.dir) {
            Ok(meta) if !meta.is_dir() => return Err(ConfigError::NotAFolder { path: self.dir.clone() }),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&self.dir, error)),
        }
        // Looked at before anything is made: a refused place stays untouched.
        let existing = self.dir.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
        if let Some(kind) = filesystem::refused_kind(existing).map_err(|e| failed(existing, e))? {
            return Err(ConfigError::NetworkFileSystem { path: self.dir.clone(), kind });
        }
        let made = self.close_or_make(&self.dir, true)?;
        for folder in [self.envs(), self.keys(), self.run(), self.logs()] {
            self.close_or_make(&folder, false)?;
        }
        Ok(made)
    }

    /// Closes everything below the home to others, for a home that was not kept so from its start. Links are not followed.
    pub fn close_all(&self) -> Result<(), ConfigError> {
        let mut folders = vec![self.dir.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(|e| failed(&folder, e))? {
                let entry = entry.map_err(|e| failed(&folder, e))?;
                let path = entry.path();
                let closed = match entry.metadata() {
                    Ok(meta) if meta.is_symlink() || meta.mode() & 0o077 == 0 => Ok(()),
                    Ok(meta) => fs::set_permissions(&path, Permissions::from_mode(meta.mode() & 0o700)),
                    Err(error) => Err(error),
                };
                match closed {
                    // Another process's temp file may be gone by now.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    closed => closed.map_err(|e| failed(&path, e))?,
                }
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                }
            }
        }
        Ok(())
    }

    /// A folder that is open to others comes from the first release or from a hand: its files are closed with it, once.
    fn close_or_make(&self, folder: &Path, with_parents: bool) -> Result<bool, ConfigError> {
        let meta = match fs::metadata(folder) {
            Ok(meta) if meta.is_dir() => meta,
            Ok(_) => return Err(ConfigError::NotAFolder { path: folder.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return match DirBuilder::new().recursive(with_parents).mode(0o700).create(folder) {
                    Ok(()) => Ok(true),
                    // Another process was first.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                    Err(error) => Err(failed(folder, error)),
                };
            }
            Err(error) => return Err(failed(folder, error)),
        };
        if meta.mode() & 0o077 == 0 {
            return Ok(false);
        }
        // The folder last: when this is cut short, the next start sees it open and goes through the files again.
        for entry in fs::read_dir(folder).map_err(|e| failed(folder, e))? {
            let entry = entry.map_err(|e| failed(folder, e))?;
            let path = entry.path();
            let file = entry.metadata().map_err(|e| failed(&path, e))?;
            if file.is_file() && file.mode() & 0o077 != 0 {
                fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(|e| failed(&path, e))?;
            }
        }
        fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(|e| failed(folder, e))?;
        Ok(false)
    }
}

fn failed(path: &Path, source: io::Error) -> ConfigError {
    ConfigError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_new_home_is_closed_to_others() {
        let temp = tempfile::tempdir().unwrap();
        let home = Home::at(temp.path().join("a/b"));
        assert!(home.prepare().unwrap());
        for folder in [home.dir().to_owned(), home.envs(), home.keys(), home.run(), home.logs()] {
            assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        }
        assert!(!home.prepare().unwrap(), "it was there already");
    }

    #[test]
    fn a_home_of_the_first_release_is_closed() {
        let temp = tempfile::tempdir().unwrap();
        let home = Home::at(temp.path().join("home"));
        fs::create_dir_all(home.envs()).unwrap();
        for (path, text) in [(home.db(), "x"), (home.env_file(3), "{}"), (home.api_key(), "k")] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        }
        for folder in [home.dir().to_owned(), home.envs()] {
            fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
        }
        home.prepare().unwrap();
        assert_eq!((mode(home.dir()), mode(&home.envs())), (0o700, 0o700));
        for path in [home.db(), home.env_file(3), home.api_key()] {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let temp = tempfile::tempdir().unwrap();
        let home = Home::at(temp.path().join("home"));
        fs::write(home.dir(), "").unwrap();
        let said = home.prepare().unwrap_err().to_string();
        assert!(said.ends_with("home is not a folder"), "{said}");
    }
}
