//! What only a terminal gets: questions, colours, widths, a live line.

use crate::hand::Hand;
use crate::world::{World, words};
use infrakt::domain::step::StepState::Succeeded;
use infrakt::queue::finish::Ending;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};

/// Both ends of a terminal of 60 columns.
pub fn terminal() -> (File, OwnedFd) {
    let (mut ours, mut theirs) = (0, 0);
    let size = libc::winsize { ws_row: 24, ws_col: 60, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the numbers are written by the call and become owned right behind it; name and settings are not asked for.
    unsafe {
        let made = libc::openpty(&mut ours, &mut theirs, std::ptr::null_mut(), std::ptr::null(), &size);
        assert_eq!(made, 0, "no terminal: {}", std::io::Error::last_os_error());
        for fd in [ours, theirs] {
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
        }
        (File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs))
    }
}

/// Starts it with all three streams on the terminal.
pub fn start(command: &mut Command, theirs: OwnedFd) -> Child {
    let stream = || Stdio::from(theirs.try_clone().unwrap());
    command.stdin(stream()).stdout(stream()).stderr(stream()).spawn().unwrap()
}

/// Reads until it is there; what was read so far.
pub fn wait_for(terminal: &mut File, seen: &mut String, wanted: &str) {
    let mut buffer = [0; 4096];
    while !seen.contains(wanted) {
        let read = terminal.read(&mut buffer).unwrap_or(0);
        assert!(read > 0, "the terminal ended without {wanted:?}: {seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
}

/// Everything to the end. A terminal whose other end is closed reads as an error.
pub fn rest(terminal: &mut File, seen: &mut String) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = terminal.read(&mut buffer) {
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
}

#[test]
fn what_is_missing_is_asked_for() {
    let world = World::new();
    let (mut ours, theirs) = terminal();
    let mut child = start(&mut world.command(&words("server add --offline")), theirs);
    let mut seen = String::new();
    wait_for(&mut ours, &mut seen, "name: ");
    ours.write_all(b"prod-1\n").unwrap();
    wait_for(&mut ours, &mut seen, "host: ");
    ours.write_all(b"127.0.0.1\n").unwrap();
    rest(&mut ours, &mut seen);
    assert!(child.wait().unwrap().success(), "{seen}");
    assert!(seen.contains("prod-1 is recorded"), "{seen}");
}

#[test]
fn a_list_fits_the_terminal_and_is_coloured_unless_that_is_unwanted() {
    let world = World::with_web();
    let image = format!("registry.example/{}:1", "long".repeat(20));
    world.quiet(&["app", "create", "api", "--server", "prod-1", "--image", &image]);
    for no_color in [false, true] {
        let (mut ours, theirs) = terminal();
        let mut command = world.command(&words("app list"));
        if no_color {
            command.env("NO_COLOR", "1");
        }
        let mut child = start(&mut command, theirs);
        drop(command);
        let mut seen = String::new();
        rest(&mut ours, &mut seen);
        assert!(child.wait().unwrap().success());
        assert_eq!(seen.contains('\u{1b}'), !no_color, "{seen:?}");
        if no_color {
            assert!(seen.lines().all(|line| line.chars().count() <= 60), "{seen}");
            assert!(seen.contains('\u{2026}'), "what was cut shows it: {seen}");
        }
    }
}

#[test]
fn a_followed_job_shows_what_runs_and_what_is_to_come() {
    let world = World::with_web();
    world.quiet(&["app", "deploy", "web"]);
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["fetch", "start"]).begin("fetch").log("layer 1\nlayer 2");
    let (mut ours, theirs) = terminal();
    let mut command = world.command(&words("job follow 1"));
    let mut child = start(command.env("NO_COLOR", "1"), theirs);
    drop(command);
    let mut seen = String::new();
    wait_for(&mut ours, &mut seen, "layer 2");
    assert!(seen.contains("job 1: deploy web on prod-1\r\n"), "{seen:?}");
    assert!(seen.contains("  fetch     running  "), "{seen:?}");
    wait_for(&mut ours, &mut seen, "\n  start");
    assert!(!seen.contains("layer 1\r\n"), "its output is one line that is drawn over: {seen:?}");
    hand.end(800, Succeeded, 0, None).begin("start").end(2_100, Succeeded, 0, None);
    hand.finish(&Ending::Succeeded);
    rest(&mut ours, &mut seen);
    assert!(child.wait().unwrap().success(), "{seen}");
    for line in
        ["  fetch     ok       0.8s\r\n", "  start     ok       2.1s\r\n", "web is running on prod-1 (2.9s)\r\n"]
    {
        assert!(seen.contains(line), "{line:?} in {seen:?}");
    }
}

#[test]
fn ctrl_c_detaches_and_says_how_to_go_on() {
    let world = World::with_web();
    world.quiet(&["app", "deploy", "web"]);
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["fetch"]).begin("fetch").log("one");
    let (mut ours, theirs) = terminal();
    let mut command = world.command(&words("job follow 1"));
    let mut child = start(command.env("NO_COLOR", "1"), theirs);
    drop(command);
    let mut seen = String::new();
    wait_for(&mut ours, &mut seen, "one");
    // SAFETY: a signal to a child of this test that has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    rest(&mut ours, &mut seen);
    assert_eq!(child.wait().unwrap().code(), Some(130), "{seen}");
    assert!(seen.contains("detached; job 1 goes on"), "{seen}");
    hand.finish(&Ending::Succeeded);
}
