//! A real OpenSSH server for tests. No daemon, no fixed port: a listener of the test process starts `sshd -i` for each connection and
//! pumps the bytes itself, so that it can delay, stall or cut them. As root or any user.

use infrakt::domain::server::HostKey;
use infrakt::ssh::{Connection, Settings, Ssh, Target};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// What the listener does with the connections it has and gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Serves.
    Ok,
    /// Accepts and closes.
    Refuse,
    /// Accepts and says nothing.
    Mute,
    /// Holds back every byte in both directions.
    Stall,
}

#[derive(Default)]
pub struct Faults {
    mode: AtomicU8,
    /// The next connection is cut after so many bytes to the client (0: never).
    cut_after: AtomicU64,
    pub connections: AtomicUsize,
    live: Mutex<Vec<TcpStream>>,
}

impl Faults {
    pub fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, SeqCst);
    }

    fn is(&self, mode: Mode) -> bool {
        self.mode.load(SeqCst) == mode as u8
    }

    /// Cuts the next connection after so many bytes to the client.
    pub fn cut_after(&self, bytes: u64) {
        self.cut_after.store(bytes, SeqCst);
    }

    /// Cuts all connections now.
    pub fn cut(&self) {
        for connection in self.live.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

pub struct TestSshd {
    pub addr: SocketAddr,
    pub dir: TempDir,
    pub user: String,
    pub faults: Arc<Faults>,
}

/// Generates a key pair; an empty passphrase leaves it open.
pub fn keygen(path: &Path, key_type: &str, passphrase: &str) {
    let args = ["-q", "-t", key_type, "-N", passphrase, "-C", "test", "-f"];
    assert!(Command::new("ssh-keygen").args(args).arg(path).status().unwrap().success());
}

impl TestSshd {
    /// A server with an ed25519 host key, that takes the key file `id`.
    pub fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("ifk-sshd").tempdir().unwrap();
        for name in ["home", "bin", "me/.ssh"] {
            std::fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        // privilege separation wants it, and only root can make it
        if Command::new("id").arg("-u").output().unwrap().stdout == b"0\n" {
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let sshd = Self { addr, dir, user: user.trim().to_owned(), faults: Arc::default() };
        keygen(&sshd.path("id"), "ed25519", "");
        sshd.authorize(&["id"]);
        sshd.set_host_keys(&["ed25519"]);
        sshd.shim("sudo", "[ \"$1\" = -n ] && shift; exec \"$@\"");
        let (faults, conf, log) = (sshd.faults.clone(), sshd.path("conf"), sshd.path("log"));
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                faults.connections.fetch_add(1, SeqCst);
                if faults.is(Mode::Refuse) {
                    continue;
                }
                faults.live.lock().unwrap().push(connection.try_clone().unwrap());
                if !faults.is(Mode::Mute) {
                    let _ = serve(connection, &faults, &conf, &log);
                }
            }
        });
        sshd
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes the server use new host keys of these types, from the next connection on.
    pub fn set_host_keys(&self, types: &[&str]) {
        let mut conf = String::new();
        for key_type in types {
            let path = self.path(&format!("host-{key_type}"));
            let _ = std::fs::remove_file(&path);
            keygen(&path, key_type, "");
            conf.push_str(&format!("HostKey {}\n", path.display()));
        }
        let p = |name: &str| self.path(name).display().to_string();
        conf.push_str(&format!(
            "AuthorizedKeysFile {}\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPrintMotd no\nLogLevel VERBOSE\nMaxAuthTries 6\n\
             SetEnv PATH={}:/usr/bin:/bin HOME={} LC_ALL=C INFRAKT_NO_SYSTEMD=1\n",
            p("authorized"),
            p("bin"),
            p("home"),
        ));
        std::fs::write(self.path("conf"), conf).unwrap();
    }

    /// Adds a line to the configuration, from the next connection on.
    pub fn configure(&self, line: &str) {
        let path = self.path("conf");
        let conf = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, format!("{conf}{line}\n")).unwrap();
    }

    /// The host key of a type, as a pin.
    pub fn host_key(&self, key_type: &str) -> HostKey {
        let file = self.path(&format!("host-{key_type}.pub"));
        let line = std::fs::read_to_string(&file).unwrap();
        let out = Command::new("ssh-keygen").arg("-lf").arg(&file).output().unwrap().stdout;
        HostKey {
            key_type: line.split(' ').next().unwrap().to_owned(),
            fingerprint: String::from_utf8(out).unwrap().split(' ').nth(1).unwrap().to_owned(),
        }
    }

    /// Takes these key files and no others.
    pub fn authorize(&self, keys: &[&str]) {
        let public = |key: &&str| std::fs::read_to_string(self.path(&format!("{key}.pub"))).unwrap();
        std::fs::write(self.path("authorized"), keys.iter().map(public).collect::<String>()).unwrap();
    }

    /// A command the "server" has: a shell script in the PATH of its sessions.
    pub fn shim(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A user who has nothing but this server, and whose steps lie in the test's own folder.
    pub fn settings(&self) -> Settings {
        Settings {
            user_dir: Some(self.path("me")),
            state_dir: self.path("state").display().to_string(),
            ..Settings::default()
        }
    }

    /// As [`TestSshd::settings`], and gives up on a silent peer soon.
    pub fn impatient(&self) -> Settings {
        let short = Duration::from_secs(1); // long enough for an answer on a busy machine
        Settings { protocol: short, first_frame: short * 3, silence: short, ..self.settings() }
    }

    /// With the key file `id` and no pin.
    pub fn target(&self) -> Target {
        Target {
            port: Some(self.addr.port()),
            user: Some(self.user.clone()),
            key_path: Some(self.path("id")),
            ..Target::new("127.0.0.1")
        }
    }

    pub async fn connect(&self) -> Connection {
        Ssh::with(self.settings()).connect(&self.target()).await.unwrap()
    }
}

impl Drop for TestSshd {
    fn drop(&mut self) {
        self.faults.set(Mode::Refuse);
        self.faults.cut();
        // what the sessions left: steps run detached from them, and everything they run names the folder
        let dir = self.dir.path().display().to_string();
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
            let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            if String::from_utf8_lossy(&environ).contains(&format!("HOME={dir}/home")) {
                // SAFETY: a signal to a process that carries this test's own folder as its home.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
        }
    }
}

fn serve(connection: TcpStream, faults: &Arc<Faults>, conf: &Path, log: &Path) -> std::io::Result<()> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut child = Command::new("/usr/sbin/sshd")
        .arg("-i")
        .arg("-f")
        .arg(conf)
        .arg("-E")
        .arg(log)
        .stdin(Stdio::from(OwnedFd::from(theirs.try_clone()?)))
        .stdout(Stdio::from(OwnedFd::from(theirs)))
        .stderr(Stdio::null())
        .spawn()?;
    connection.set_nodelay(true)?;
    let cut = faults.cut_after.swap(0, SeqCst);
    let (to_server, from_client, f) = (ours.try_clone()?, connection.try_clone()?, faults.clone());
    std::thread::spawn(move || pump(from_client, to_server, &f, 0));
    let f = faults.clone();
    std::thread::spawn(move || {
        pump(ours, connection, &f, cut);
        let _ = child.kill();
        let _ = child.wait();
    });
    Ok(())
}

trait Shut {
    fn shut(&self);
}

impl Shut for TcpStream {
    fn shut(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Shut for UnixStream {
    fn shut(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

fn pump(mut from: impl Read + Shut, mut to: impl Write + Shut, faults: &Faults, cut: u64) {
    let (mut buffer, mut total) = ([0u8; 32768], 0);
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        while faults.is(Mode::Stall) {
            std::thread::sleep(Duration::from_millis(5)); // the thread is the wire itself: it holds the bytes
        }
        total += n as u64;
        if (cut > 0 && total >= cut) || to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    from.shut();
    to.shut();
}
