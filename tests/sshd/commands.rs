//! Short commands: what they print, how they end, and that none outlives its caller.

use crate::sshd::{Mode, TestSshd};
use infrakt::domain::failure::{Class, code};
use infrakt::ssh::{Connection, Exit, LineError, Output, Piece, Settings, Ssh};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;

const LIMIT: Duration = Duration::from_secs(60);

async fn exec(connection: &Connection, cmd: &str) -> Output {
    connection.exec(cmd, b"", LIMIT).await.unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Waits for something that another process does; the deadline is for a test that would otherwise hang.
async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "still waiting: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn lives(pid_file: &Path) -> bool {
    let pid = std::fs::read_to_string(pid_file).unwrap_or_default();
    !pid.trim().is_empty() && Path::new("/proc").join(pid.trim()).exists()
}

#[tokio::test]
async fn a_command_tells_its_output_and_its_exit() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let out = exec(&connection, "printf 'a\\0b'; echo 'it'\"'\"'s' >&2; exit 7").await;
    assert_eq!(out.status, Exit::Code(7));
    assert_eq!((out.stdout.as_slice(), text(&out.stderr)), (b"a\0b".as_slice(), "it's\n"));
    assert!(exec(&connection, "true").await.status.success());
    assert_eq!(exec(&connection, "kill -9 $$").await.status.code(), 137);
    assert_eq!(exec(&connection, "no-such-command").await.status, Exit::Code(127));
    assert_eq!(connection.user(), sshd.user);
}

#[tokio::test]
async fn more_than_a_window_on_both_streams_at_once_arrives_whole() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let out = exec(&connection, "yes out | head -c 5000001 & yes err | head -c 4000003 >&2; wait").await;
    assert_eq!((out.stdout.len(), out.stderr.len(), out.truncated), (5_000_001, 4_000_003, false));
    assert!(out.stdout.starts_with(b"out\nout\n") && out.stderr.starts_with(b"err\nerr\n"));
}

#[tokio::test]
async fn input_arrives_to_the_byte_and_ends() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let input: Vec<u8> = (0..3_000_000u32).map(|i| (i * 7 % 251) as u8).collect();
    let out = connection.exec("cat", &input, LIMIT).await.unwrap();
    assert!(out.stdout == input && out.status.success());
    assert_eq!(exec(&connection, "cat | wc -c").await.stdout, b"0\n");
    assert_eq!(connection.exec("true", &input, LIMIT).await.unwrap().status, Exit::Code(0));
}

#[tokio::test]
async fn output_beyond_all_measure_is_cut_and_its_command_stopped() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let pid = sshd.path("pid");
    let out = exec(&connection, &format!("echo $$ >{}; exec yes", pid.display())).await;
    assert!(out.truncated && out.stdout.len() == 8 * 1024 * 1024);
    until("`yes` is dead", || !lives(&pid)).await;
    assert!(exec(&connection, "true").await.status.success(), "the connection is as good as before");
}

#[tokio::test]
async fn many_commands_run_side_by_side_on_one_connection() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let all = (0..40).map(|i| {
        let connection = connection.clone();
        tokio::spawn(async move {
            let out = exec(&connection, &format!("head -c {} /dev/zero; exit {i}", i * 10_000)).await;
            assert_eq!((out.stdout.len(), out.status), (i * 10_000, Exit::Code(i as i32)));
        })
    });
    for done in futures_util::future::join_all(all).await {
        done.unwrap();
    }
}

/// A command that writes its pid, and what says that it is dead.
fn endless(sshd: &TestSshd) -> (String, std::path::PathBuf) {
    let pid = sshd.path("pid");
    let _ = std::fs::remove_file(&pid);
    (format!("trap '' HUP; echo $$ >{}; while :; do sleep 0.1; done", pid.display()), pid)
}

#[tokio::test]
async fn a_command_does_not_outlive_its_limit() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let (cmd, pid) = endless(&sshd);
    let error = connection.exec(&cmd, b"", Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(error, LineError::Slow(1));
    assert_eq!(error.failure("s").code, code::TIMED_OUT);
    until("the command is dead", || !lives(&pid)).await;
    assert!(exec(&connection, "true").await.status.success(), "the connection is as good as before");
}

#[tokio::test]
async fn a_command_does_not_outlive_its_caller() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let (cmd, pid) = endless(&sshd);
    tokio::select! {
        out = connection.exec(&cmd, b"", LIMIT) => panic!("{out:?}"),
        () = until("the command runs", || lives(&pid)) => {}
    }
    until("the command is dead", || !lives(&pid)).await;
    assert!(exec(&connection, "true").await.status.success(), "the connection is as good as before");
}

#[tokio::test]
async fn a_command_does_not_outlive_its_connection() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let (cmd, pid) = endless(&sshd);
    let error = tokio::join!(connection.exec(&cmd, b"", LIMIT), async {
        until("the command runs", || lives(&pid)).await;
        sshd.faults.cut();
    });
    assert!(matches!(error.0, Err(LineError::Lost(_))), "{error:?}");
    until("the command is dead", || !lives(&pid)).await;
    assert!(
        matches!(connection.exec("true", b"", LIMIT).await, Err(LineError::Lost(_))),
        "a lost connection stays lost"
    );
    assert_eq!(error.0.unwrap_err().failure("s").class, Class::Transient);
}

#[tokio::test]
async fn dropping_the_last_handle_ends_the_session() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let out = exec(&connection, "echo $PPID; ps -o ppid= -p $PPID").await;
    assert!(out.status.success());
    let (cmd, pid) = endless(&sshd);
    let other = connection.clone();
    let running = tokio::spawn(async move { other.exec(&cmd, b"", LIMIT).await });
    until("the command runs", || lives(&pid)).await;
    connection.close();
    assert!(lives(&pid), "another handle is still there");
    running.abort();
    until("the command is dead", || !lives(&pid)).await;
}

#[tokio::test]
async fn a_frozen_server_is_noticed() {
    let sshd = TestSshd::start();
    let ssh = Ssh::with(sshd.impatient());
    let connection = ssh.connect(&sshd.target()).await.unwrap();
    connection.alive().await.unwrap();
    sshd.faults.set(Mode::Stall);
    assert_eq!(connection.alive().await, Err(LineError::Silent("opening a channel")));
    assert!(matches!(connection.exec("true", b"", LIMIT).await, Err(LineError::Lost(_))));
    assert_eq!(ssh.counters().lost.get(), 1);
    sshd.faults.set(Mode::Ok);
}

#[tokio::test]
async fn a_cut_in_the_middle_of_output_is_an_error_and_no_short_success() {
    let sshd = TestSshd::start();
    for bytes in [4_000, 60_000, 400_000, 1_500_000] {
        sshd.faults.cut_after(bytes);
        match Ssh::with(sshd.settings()).connect(&sshd.target()).await {
            Ok(connection) => {
                let out = connection.exec("head -c 3000000 /dev/zero", b"", LIMIT).await;
                assert!(matches!(out, Err(LineError::Lost(_))), "{bytes}: {out:?}");
            }
            Err(_) => assert!(bytes < 10_000, "cut within the login"),
        }
    }
}

#[tokio::test]
async fn a_followed_command_streams_until_nobody_listens() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let (pieces, mut receiver) = mpsc::channel(4);
    let (status, seen) = tokio::join!(connection.exec_stream("echo a; echo b >&2; exit 3", pieces), async {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        while let Some(piece) = receiver.recv().await {
            match piece {
                Piece::Out(bytes) => out.extend(bytes),
                Piece::Err(bytes) => err.extend(bytes),
            }
        }
        (out, err)
    });
    assert_eq!((status.unwrap(), seen), (Exit::Code(3), (b"a\n".to_vec(), b"b\n".to_vec())));

    let (cmd, pid) = endless(&sshd);
    let (pieces, receiver) = mpsc::channel(4);
    let (status, ()) = tokio::join!(connection.exec_stream(&cmd, pieces), async {
        until("the command runs", || lives(&pid)).await;
        drop(receiver);
    });
    assert_eq!(status.unwrap(), Exit::Signal("TERM".to_owned()));
    until("the command is dead", || !lives(&pid)).await;
    assert!(exec(&connection, "true").await.status.success());
}

#[tokio::test]
async fn a_slow_reader_loses_nothing_and_blocks_nobody() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let (pieces, mut receiver) = mpsc::channel(1);
    let (status, total) = tokio::join!(connection.exec_stream("head -c 6000000 /dev/zero", pieces), async {
        let mut total = 0;
        let mut other = true;
        while let Some(Piece::Out(bytes)) = receiver.recv().await {
            total += bytes.len();
            if std::mem::take(&mut other) {
                // while nothing is read of it, another command on the connection goes through
                assert_eq!(exec(&connection, "head -c 3000000 /dev/zero").await.stdout.len(), 3_000_000);
            }
        }
        total
    });
    assert!(status.unwrap().success());
    assert_eq!(total, 6_000_000);
}

#[tokio::test]
async fn what_is_read_is_read_as_root_through_sudo() {
    let sshd = TestSshd::start();
    let ssh = Ssh::with(Settings { always_sudo: true, ..sshd.settings() });
    let log = sshd.path("sudo.log");
    let shim = |then: &str| sshd.shim("sudo", &format!("printf '%s\\n' \"$1\" >>{}; {then}", log.display()));
    shim("shift; exec env -u SSH_CONNECTION \"$@\"");
    let connection = ssh.connect(&sshd.target()).await.unwrap();
    let out = connection.exec("cat; echo \"$SSH_CONNECTION\"", b"in ", LIMIT).await.unwrap();
    assert_eq!(text(&out.stdout).split(' ').count(), 5, "{:?}", text(&out.stdout));
    assert!(text(&out.stdout).starts_with("in ") && out.stderr.is_empty());
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "-n\n", "asked without a terminal");

    shim("echo 'sudo: a password is required' >&2; exit 1");
    let error = connection.exec("true", b"", LIMIT).await.unwrap_err();
    assert_eq!(error, LineError::NoSudo("sudo: a password is required".to_owned()));
    let failure = error.failure("prod-1");
    assert_eq!((failure.class, failure.code.as_str()), (Class::Permanent, code::NO_SUDO));
    assert!(failure.text.contains("prod-1") && failure.text.contains("a password is required"));

    // What it warns of is not its reason; the hint is for that reason.
    let no_host = "echo 'sudo: unable to resolve host prod-1: Name or service not known' >&2";
    shim(&format!("{no_host}; echo 'sudo: sorry, you must have a tty to run sudo' >&2; exit 1"));
    let error = connection.exec("true", b"", LIMIT).await.unwrap_err();
    let failure = error.failure("prod-1");
    assert!(failure.text.contains("you must have a tty") && !failure.text.contains("resolve"), "{failure:?}");
    assert!(failure.hint.as_ref().is_some_and(|hint| hint.contains("!requiretty")), "{failure:?}");

    // It warns, and goes on: what then fails is no refusal.
    shim(&format!("{no_host}; shift; exec \"$@\""));
    assert_eq!(exec(&connection, "exit 1").await.status, Exit::Code(1));

    shim("shift; exec \"$@\"");
    let out = exec(&connection, "echo 'sudo: not me' >&2; echo out; exit 1").await;
    assert_eq!(out.status, Exit::Code(1), "what ran and failed is no refusal");
}

#[tokio::test]
async fn a_missing_sudo_is_named() {
    let sshd = TestSshd::start();
    std::fs::remove_file(sshd.path("bin/sudo")).unwrap();
    let has_sudo = Path::new("/usr/bin/sudo").exists() || Path::new("/bin/sudo").exists();
    if has_sudo {
        sshd.shim("sudo", "echo 'sh: 1: sudo: not found' >&2; exit 127");
    }
    let connection =
        Ssh::with(Settings { always_sudo: true, ..sshd.settings() }).connect(&sshd.target()).await.unwrap();
    let error = connection.exec("true", b"", LIMIT).await.unwrap_err();
    assert!(matches!(&error, LineError::NoSudo(line) if line.contains("sudo: not found")), "{error:?}");
}

/// libssh2's close ends its waiting with any packet of any channel; the status then read 0.
#[tokio::test]
async fn on_a_busy_connection_no_failure_turns_into_success() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let (pieces, mut receiver) = mpsc::channel(4);
    let noisy = connection.exec_stream("while :; do echo x; done", pieces);
    let drain = async { while receiver.recv().await.is_some() {} };
    let failing = async {
        for _ in 0..40 {
            assert_eq!(exec(&connection, "exit 7").await.status, Exit::Code(7));
        }
    };
    tokio::select! {
        () = failing => {}
        end = async { tokio::join!(noisy, drain).0 } => panic!("{end:?}"),
    }
}
