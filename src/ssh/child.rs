//! OpenSSH's own programs as children: asked with a limit, or kept as the carrier of a connection.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// `ssh -G` and `ssh-keygen -F` answer in some milliseconds; a `Match exec` in the user's configuration may take longer.
const LIMIT: Duration = Duration::from_secs(10);

/// Runs a program to its end. It is killed when the limit is over or the future is dropped.
pub(super) async fn ask(program: &str, args: &[&str], stdin: &[u8]) -> io::Result<Output> {
    let mut child = tokio::process::Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let pipe = child.stdin.take();
    let work = async {
        if let Some(mut pipe) = pipe {
            // a program that does not read its input to the end is no failure; what it says counts
            let _ = pipe.write_all(stdin).await;
        }
        child.wait_with_output().await
    };
    match tokio::time::timeout(LIMIT, work).await {
        Ok(output) => output,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("`{program}` does not end"))),
    }
}

/// A child that carries a connection's bytes; it ends with this value.
#[derive(Debug)]
pub(super) struct Carrier(Child);

impl Carrier {
    /// Starts a program with one end of a socket pair as its stdin and stdout; the other end is returned.
    pub(super) fn start(mut command: Command) -> io::Result<(Self, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        let theirs = OwnedFd::from(theirs);
        let child = command
            .stdin(Stdio::from(theirs.try_clone()?))
            .stdout(Stdio::from(theirs))
            .stderr(Stdio::piped())
            .spawn()?;
        Ok((Self(child), ours))
    }

    /// What it complained of last. Ends it, so that its stderr ends too.
    pub(super) fn last_words(mut self) -> String {
        let _ = self.0.kill();
        let mut text = String::new();
        if let Some(mut stderr) = self.0.stderr.take() {
            let _ = io::Read::read_to_string(&mut stderr, &mut text);
        }
        text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing").trim().to_owned()
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
