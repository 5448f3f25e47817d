//! What a worker holds in memory while there is nothing to do.

use crate::figures::{heading, line, mib};
use crate::start::large_home;
use std::time::{Duration, Instant};

pub fn run() {
    heading("a worker with nothing to do, 1000 servers and 10000 apps");
    let home = large_home();
    let worker = home.start(&["worker"]);
    let began = Instant::now();
    let there = |pid: u32| home.db().read(infrakt::store::workers::list).unwrap().iter().any(|row| row.pid == pid);
    while !there(worker.id()) {
        assert!(began.elapsed() < Duration::from_secs(20), "the worker does not start");
    }
    std::thread::sleep(Duration::from_secs(3)); // it looks for work twice a second: by now it has done all that it does at its start
    let status = std::fs::read_to_string(format!("/proc/{}/status", worker.id())).unwrap();
    line("resident", &mib(field(&status, "VmRSS:")), "aim: 25 MiB");
    line("resident, without the pages of files", &mib(field(&status, "RssAnon:")), "");
    let ticks = cpu_ticks(worker.id());
    std::thread::sleep(Duration::from_secs(10));
    line("processor time in 10 s", &format!("{} ms", (cpu_ticks(worker.id()) - ticks) * 10), "");
    worker.signal(libc::SIGTERM);
    worker.wait();
}

/// In KiB.
pub fn field(status: &str, name: &str) -> i64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

/// User and system time, in hundredths of a second.
pub fn cpu_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
