//! How a server is: load, memory, disk, uptime, docker and its containers, firewall, web server; one exec.

use crate::ops::reads::{Read, ReadError, answers, number};
use serde::Serialize;

/// Bytes of something that fills up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Usage {
    pub total: u64,
    pub used: u64,
    /// What may still be used: for memory what the kernel calls available.
    pub free: u64,
    /// Of what people can use: 0 to 100, one decimal.
    pub percent: f64,
}

impl Usage {
    fn new(total: u64, used: u64, free: u64) -> Self {
        let of = used + free;
        let percent = if of == 0 { 0.0 } else { (used as f64 * 1000.0 / of as f64).round() / 10.0 };
        Self { total, used, free, percent }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Container {
    pub id: String,
    pub name: String,
    pub image: String,
    /// Docker's word: `running`, `exited`, `restarting` …
    pub state: String,
    /// Docker's sentence: `Up 3 minutes (healthy)`.
    pub status: String,
    pub project: Option<String>,
    /// The app of the label, whoever's it is.
    pub app: Option<String>,
}

/// A part of the server that may be missing, or there and silent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Part {
    #[default]
    Missing,
    /// Installed but not running or not answering.
    Down {
        version: Option<String>,
    },
    Up {
        version: Option<String>,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Status {
    pub os: Option<String>,
    pub load: [f64; 3],
    pub cpu: Cpu,
    pub memory: Usage,
    pub swap: Usage,
    pub disk: Usage,
    pub uptime_s: u64,
    pub services: Services,
    pub compose: Option<String>,
    pub containers: Vec<Container>,
    pub reboot_required: bool,
}

/// Processors, as [`Usage`] says other things that are used up: `total` is how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cpu {
    pub total: u32,
    pub used: f64,
    pub free: f64,
    /// Busy share of all of them over some tenths of a second, 0 to 100.
    pub percent: f64,
}

impl Cpu {
    fn busy(self, percent: f64) -> Self {
        let share = |percent: f64| (f64::from(self.total) * percent).round() / 100.0;
        Self { used: share(percent), free: share(100.0 - percent), percent, ..self }
    }
}

/// What infrakt puts on a server and needs there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Services {
    pub docker: Part,
    pub caddy: Part,
    pub ufw: Part,
    pub fail2ban: Part,
}

pub fn read() -> Read {
    Read::new(include_str!("status.sh"), &[])
}

pub fn parse(text: &str) -> Result<Status, ReadError> {
    let mut status = Status::default();
    for (key, words) in answers(text)? {
        let word = |at: usize| words.get(at).filter(|word| !word.is_empty()).map(|word| (*word).to_owned());
        match key {
            "os" => status.os = word(0),
            "load" => {
                for (at, load) in status.load.iter_mut().enumerate() {
                    *load = number(key, words.get(at))?;
                }
            }
            "uptime" => status.uptime_s = number(key, words.first())?,
            "cpus" => status.cpu.total = number(key, words.first())?,
            "cpu" => {
                let percent = busy(&words).ok_or_else(|| ReadError::Odd(format!("cpu is {words:?}")))?;
                status.cpu = status.cpu.busy(percent);
            }
            "memory" | "swap" => {
                let (total, free): (u64, u64) = (number(key, words.first())?, number(key, words.get(1))?);
                let usage = Usage::new(total, total.saturating_sub(free), free);
                if key == "swap" { status.swap = usage } else { status.memory = usage }
            }
            "disk" => {
                // Used and free do not add up to the total: some blocks are kept for root.
                status.disk =
                    Usage::new(number(key, words.first())?, number(key, words.get(1))?, number(key, words.get(2))?);
            }
            "docker" => {
                status.compose = word(1);
                status.services.docker = match word(0) {
                    Some(version) => Part::Up { version: Some(version) },
                    None => Part::Down { version: None },
                };
            }
            "container" => status.containers.push(Container {
                id: word(0).ok_or_else(|| ReadError::Odd("a container without an id".into()))?,
                name: word(1).unwrap_or_default(),
                image: word(2).unwrap_or_default(),
                state: word(3).unwrap_or_default(),
                status: word(4).unwrap_or_default(),
                project: word(5),
                app: word(6),
            }),
            "ufw" => status.services.ufw = up_if(word(0).as_deref() == Some("active"), None),
            "caddy" => {
                status.services.caddy =
                    up_if(word(1).as_deref() == Some("active"), word(0).map(|v| v.trim_start_matches('v').to_owned()))
            }
            "fail2ban" => status.services.fail2ban = up_if(word(0).as_deref() == Some("active"), None),
            "reboot" => status.reboot_required = true,
            // A newer script may say more.
            _ => {}
        }
    }
    Ok(status)
}

fn up_if(up: bool, version: Option<String>) -> Part {
    if up { Part::Up { version } } else { Part::Down { version } }
}

/// Two readings of `all idle`, in ticks.
fn busy(words: &[&str]) -> Option<f64> {
    let pair = |at: usize| -> Option<(u64, u64)> {
        let (all, idle) = words.get(at)?.split_once(' ')?;
        Some((all.parse().ok()?, idle.parse().ok()?))
    };
    let ((all_before, idle_before), (all, idle)) = (pair(0)?, pair(1)?);
    let (ticks, idle) = (all.saturating_sub(all_before), idle.saturating_sub(idle_before));
    if ticks == 0 { Some(0.0) } else { Some(((ticks - idle.min(ticks)) as f64 * 1000.0 / ticks as f64).round() / 10.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provisioned_server() {
        let text = "\
Last login: never
@load\t0.52\t0.40\t0.30
@uptime\t86400
@cpus\t2
@memory\t4000\t3000
@swap\t0\t0
@disk\t10000\t6000\t3000
@os\tDebian GNU/Linux 13 (trixie)
@docker\t26.1.5\t2.26.1-4
@container\tabc\tinfrakt-web-web-1\tnginx@sha256:1\trunning\tUp 3 minutes\tinfrakt-web\tweb
@container\tdef\tother\tx\texited\tExited (1) 2 days ago\t\t
@ufw\tactive
@caddy\tv2.6.2\tactive
@fail2ban\tinactive
@cpu\t1000 900\t1100 975
@end
";
        insta::assert_json_snapshot!(parse(text).unwrap());
    }

    #[test]
    fn a_bare_server() {
        let status = parse("@load\t0\t0\t0\n@end\n").unwrap();
        let Services { docker, ufw, .. } = status.services;
        assert_eq!((docker, ufw, status.containers.len()), (Part::Missing, Part::Missing, 0));
        assert_eq!(parse("@docker\n@end\n").unwrap().services.docker, Part::Down { version: None });
        assert_eq!(parse("@load\t0\t0\t0\n"), Err(ReadError::Incomplete));
        assert!(matches!(parse("@load\tx\n@end\n"), Err(ReadError::Odd(_))));
    }
}
