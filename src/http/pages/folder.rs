//! A build of the page in a folder: only files that lie in it are read, wherever a name or a link may lead.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

pub struct Folder {
    /// Without links; none where there is no such folder.
    root: Option<PathBuf>,
}

impl Folder {
    pub fn at(dir: &Path) -> Self {
        Self { root: dir.canonicalize().ok().filter(|root| root.is_dir()) }
    }

    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        let root = self.root.as_ref()?;
        let name = Path::new(name);
        let plain =
            |part: Component<'_>| matches!(part, Component::Normal(word) if !word.to_string_lossy().starts_with('.'));
        if !name.components().all(plain) {
            return None;
        }
        let path = root.join(name).canonicalize().ok()?;
        if !path.starts_with(root) || !path.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        // What became a link since it was looked at is not followed.
        let mut file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(path).ok()?;
        file.read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_of_the_folder_is_read() {
        let temp = tempfile::tempdir().unwrap();
        let (dir, secret) = (temp.path().join("ui"), temp.path().join("secret"));
        std::fs::create_dir_all(dir.join("assets")).unwrap();
        std::fs::write(&secret, "s").unwrap();
        std::fs::write(dir.join("assets/a.js"), "a").unwrap();
        std::fs::write(dir.join(".env"), "s").unwrap();
        std::os::unix::fs::symlink(&secret, dir.join("link")).unwrap();
        std::os::unix::fs::symlink(temp.path(), dir.join("up")).unwrap();
        std::os::unix::fs::symlink(dir.join("assets/a.js"), dir.join("inside")).unwrap();
        let folder = Folder::at(&dir);
        assert_eq!(folder.read("assets/a.js").as_deref(), Some(&b"a"[..]));
        assert_eq!(folder.read("inside").as_deref(), Some(&b"a"[..]));
        let absolute = secret.display().to_string();
        for name in ["../secret", "assets/../../secret", "link", "up/secret", ".env", "assets", "nothing", &absolute] {
            assert_eq!(folder.read(name), None, "{name}");
        }
    }
}
