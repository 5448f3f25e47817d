//! Measuring and printing.

use crate::child;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

pub fn heading(text: &str) {
    println!("\n{text}");
}

/// A figure, and what is aimed at or what it is to be compared with.
pub fn line(what: &str, figure: &str, beside: &str) {
    println!("  {what:<52} {figure:>14}   {beside}");
}

pub fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

pub fn mib(kib: i64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}

pub fn median<T: Ord + Copy>(mut all: Vec<T>) -> T {
    all.sort_unstable();
    all[all.len() / 2]
}

/// How long a command took until it had ended, and its peak memory in KiB.
pub struct Cost {
    pub time: Duration,
    pub peak_kib: i64,
}

/// Runs a command in silence; it must succeed. Another small process does it: what a process is charged with as its peak begins with
/// what the one that started it held.
pub fn cost(command: &Command) -> Cost {
    let mut meter = child::start("meter");
    meter.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => meter.env(name, value),
            None => meter.env_remove(name),
        };
    }
    let output = meter.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let (micros, kib) = said.trim().split_once(' ').unwrap_or_else(|| panic!("{command:?}: {said}"));
    Cost { time: Duration::from_micros(micros.parse().unwrap()), peak_kib: kib.parse().unwrap() }
}

/// Runs the command in its arguments and says what it cost.
pub fn meter() {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let mut command = Command::new(&args[0]);
    command.args(&args[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let child = command.spawn();
    let (status, peak_kib) = wait(child.unwrap());
    let took = began.elapsed();
    assert!(status.success(), "{command:?}");
    println!("{} {peak_kib}", took.as_micros());
}

/// Its end, and the most memory it held, which only the waiting itself tells.
fn wait(child: Child) -> (ExitStatus, i64) {
    let pid = child.id() as i32;
    let mut status = 0;
    // SAFETY: all zeroes is a value of this struct of numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the child is ours and nobody else waits for it; both pointers are to live values.
    assert_eq!(unsafe { libc::wait4(pid, &mut status, 0, &mut usage) }, pid);
    (ExitStatus::from_raw(status), usage.ru_maxrss)
}

/// The medians of several runs.
pub fn costs(runs: usize, mut command: impl FnMut() -> Command) -> Cost {
    let all: Vec<Cost> = (0..runs).map(|_| cost(&command())).collect();
    Cost {
        time: median(all.iter().map(|cost| cost.time).collect()),
        peak_kib: median(all.iter().map(|cost| cost.peak_kib).collect()),
    }
}
