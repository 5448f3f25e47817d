//! From what a user names to what is connected to, with the user's SSH configuration in between. `ssh -G` reads it; it is not parsed here.

use crate::domain::name::{check_host, check_user};
use crate::ssh::child;
use crate::ssh::error::ConnectError;
use crate::ssh::types::{Settings, Target};
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What will be connected to, and with which keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    pub host: String,
    pub port: u16,
    pub user: String,
    /// Key files that were named, by the target or by the configuration; those that exist by default are not among them.
    pub key_files: Vec<PathBuf>,
    /// Nothing but these files is offered.
    pub only_these_keys: bool,
    /// The name under which known_hosts knows the host.
    pub known_as: String,
    pub via: Via,
}

/// How the bytes get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    Tcp,
    /// ProxyJump: the hops, comma separated, as OpenSSH writes them.
    Jump(String),
    /// ProxyCommand, with its `%h`, `%p`, `%r` and `%n` filled in.
    Command(String),
}

const SYSTEM_CONFIG: &str = "/etc/ssh/ssh_config";
const SYSTEM_CONFIG_DIR: &str = "/etc/ssh/ssh_config.d";
/// What OpenSSH tries when no IdentityFile is named.
const USUAL_KEYS: [&str; 7] = ["id_ed25519", "id_ecdsa", "id_rsa", "id_ecdsa_sk", "id_ed25519_sk", "id_xmss", "id_dsa"];

/// The user's home as OpenSSH finds it: from the user database, not from the environment.
pub(super) fn user_dir(settings: &Settings) -> PathBuf {
    settings.user_dir.clone().or_else(passwd_dir).unwrap_or_else(|| PathBuf::from("/"))
}

/// The default key files that exist, in the order they are tried.
pub(super) fn usual_key_files(settings: &Settings) -> Vec<PathBuf> {
    let dir = user_dir(settings).join(".ssh");
    USUAL_KEYS[..3].iter().map(|name| dir.join(name)).filter(|path| path.is_file()).collect()
}

pub(super) async fn resolve(settings: &Settings, target: &Target) -> Result<Resolved, ConnectError> {
    check_host(&target.host).map_err(|e| ConnectError::BadTarget(e.to_string()))?;
    if let Some(user) = &target.user {
        check_user(user).map_err(|e| ConnectError::BadTarget(e.to_string()))?;
    }
    let home = user_dir(settings);
    let mut resolved = Resolved {
        host: target.host.clone(),
        port: target.port.unwrap_or(22),
        user: target.user.clone().unwrap_or_else(|| "root".to_owned()),
        key_files: target.key_path.iter().map(|path| expand(path, &home)).collect(),
        only_these_keys: target.key_path.is_some(),
        known_as: target.host.clone(),
        via: Via::Tcp,
    };
    let config = home.join(".ssh/config");
    if config.is_file() || system_config_matters() {
        ask_openssh(target, &config, &home, &mut resolved).await?;
    }
    Ok(resolved)
}

async fn ask_openssh(target: &Target, config: &Path, home: &Path, resolved: &mut Resolved) -> Result<(), ConnectError> {
    // the first value found counts: our own defaults stand behind everything the user wrote
    let wrapped = format!("Include \"{}\"\nInclude {SYSTEM_CONFIG}\nMatch all\n  User root\n", config.display());
    let port = resolved.port.to_string();
    let mut args = vec!["-T", "-G", "-F", "/dev/stdin"];
    if target.port.is_some() {
        args.extend(["-p", &port]);
    }
    if let Some(user) = &target.user {
        args.extend(["-l", user]);
    }
    args.extend(["--", &target.host]);
    let answer = match child::ask("ssh", &args, wrapped.as_bytes()).await {
        Ok(answer) => answer,
        // without OpenSSH's client there is nobody whose configuration it would be
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(ConnectError::Local(format!("cannot run `ssh -G`: {e}"))),
    };
    if !answer.status.success() {
        let text = String::from_utf8_lossy(&answer.stderr);
        let line = text.lines().rfind(|l| !l.trim().is_empty()).unwrap_or("it says nothing");
        return Err(ConnectError::Local(format!("`ssh -G {}` fails: {line}", target.host)));
    }
    take_over(target, &String::from_utf8_lossy(&answer.stdout), home, resolved);
    check_host(&resolved.host).map_err(|e| ConnectError::BadTarget(format!("HostName in the SSH configuration: {e}")))
}

/// Reads what `ssh -G` prints.
fn take_over(target: &Target, answer: &str, home: &Path, resolved: &mut Resolved) {
    let mut proxy = None;
    let mut named_keys = Vec::new();
    let mut alias = None;
    for (key, value) in answer.lines().filter_map(|line| line.split_once(' ')) {
        match key {
            "hostname" => resolved.host = value.to_owned(),
            "user" => resolved.user = value.to_owned(),
            "port" => resolved.port = value.parse().unwrap_or(resolved.port),
            "identityfile" if !is_usual(value) && value != "none" => {
                named_keys.push(expand(Path::new(value), home));
            }
            "identitiesonly" if value == "yes" => resolved.only_these_keys = true,
            "hostkeyalias" => alias = Some(value.to_owned()),
            "proxyjump" | "proxycommand" if value != "none" => proxy = Some((key, value)),
            _ => {}
        }
    }
    if target.key_path.is_none() {
        resolved.only_these_keys &= !named_keys.is_empty();
        resolved.key_files = named_keys;
    }
    resolved.known_as = alias.unwrap_or_else(|| resolved.host.clone());
    resolved.via = match proxy {
        None => Via::Tcp,
        Some(("proxyjump", hops)) => Via::Jump(hops.to_owned()),
        Some((_, command)) => Via::Command(fill_in(command, &target.host, resolved)),
    };
}

fn is_usual(path: &str) -> bool {
    path.strip_prefix("~/.ssh/").is_some_and(|name| USUAL_KEYS.contains(&name))
}

fn fill_in(command: &str, name: &str, resolved: &Resolved) -> String {
    let mut out = String::new();
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '%' { chars.next() } else { None }) {
            ('%', Some('h')) => out.push_str(&resolved.host),
            ('%', Some('p')) => out.push_str(&resolved.port.to_string()),
            ('%', Some('r')) => out.push_str(&resolved.user),
            ('%', Some('n')) => out.push_str(name),
            ('%', Some('%')) => out.push('%'),
            ('%', Some(other)) => out.extend(['%', other]),
            (c, _) => out.push(c),
        }
    }
    out
}

/// Whether the system's configuration says anything that is read here; on most machines it does not, and `ssh -G` costs nothing.
fn system_config_matters() -> bool {
    let more = std::fs::read_dir(SYSTEM_CONFIG_DIR).into_iter().flatten().flatten().map(|entry| entry.path());
    std::iter::once(PathBuf::from(SYSTEM_CONFIG)).chain(more).any(|path| {
        let text = std::fs::read_to_string(path).unwrap_or_default().to_ascii_lowercase();
        text.lines().any(|line| {
            let word = line.trim_start().split([' ', '\t', '=']).next().unwrap_or_default();
            matches!(
                word,
                "hostname"
                    | "user"
                    | "port"
                    | "identityfile"
                    | "identitiesonly"
                    | "hostkeyalias"
                    | "proxyjump"
                    | "proxycommand"
            )
        })
    })
}

fn expand(path: &Path, home: &Path) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(rest) => home.join(rest),
        Err(_) => path.to_owned(),
    }
}

fn passwd_dir() -> Option<PathBuf> {
    let mut buffer = vec![0; 16 * 1024];
    // SAFETY: a zeroed passwd is a valid place to be filled; `buffer` outlives every use of the pointers put into it; `dir` is a C
    // string when the call found an entry.
    unsafe {
        let mut entry: libc::passwd = std::mem::zeroed();
        let mut found = std::ptr::null_mut();
        libc::getpwuid_r(libc::getuid(), &mut entry, buffer.as_mut_ptr(), buffer.len(), &mut found);
        if found.is_null() || entry.pw_dir.is_null() {
            return None;
        }
        let dir = CStr::from_ptr(entry.pw_dir).to_bytes();
        Some(PathBuf::from(OsStr::from_bytes(dir)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(host: &str) -> Resolved {
        Resolved {
            host: host.to_owned(),
            port: 22,
            user: "root".to_owned(),
            key_files: vec![],
            only_these_keys: false,
            known_as: host.to_owned(),
            via: Via::Tcp,
        }
    }

    #[test]
    fn the_answer_of_openssh_is_taken_over() {
        let mut resolved = bare("web");
        let answer = "user bob\nhostname 10.0.0.7\nport 2222\nidentitiesonly yes\nidentityfile ~/.ssh/id_rsa\n\
                      identityfile ~/.ssh/web\nproxyjump a,b@c:22\nforwardagent no\n";
        take_over(&Target::new("web"), answer, Path::new("/home/u"), &mut resolved);
        assert_eq!(
            resolved,
            Resolved {
                port: 2222,
                user: "bob".to_owned(),
                key_files: vec!["/home/u/.ssh/web".into()],
                only_these_keys: true,
                via: Via::Jump("a,b@c:22".to_owned()),
                ..bare("10.0.0.7")
            }
        );
    }

    #[test]
    fn a_proxy_command_gets_its_host() {
        let mut resolved = bare("web");
        let answer = "hostname 10.0.0.7\nproxycommand nc %h %p %n 100%% %x\nhostkeyalias other\n";
        take_over(&Target::new("web"), answer, Path::new("/"), &mut resolved);
        assert_eq!(resolved.via, Via::Command("nc 10.0.0.7 22 web 100% %x".to_owned()));
        assert_eq!(resolved.known_as, "other");
    }

    #[test]
    fn a_named_key_stands_alone() {
        let mut resolved = bare("web");
        resolved.key_files = vec!["/k".into()];
        resolved.only_these_keys = true;
        let target = Target { key_path: Some("/k".into()), ..Target::new("web") };
        take_over(
            &target,
            "hostname web\nidentityfile ~/.ssh/other\nidentitiesonly no\n",
            Path::new("/"),
            &mut resolved,
        );
        assert_eq!((resolved.key_files.len(), resolved.only_these_keys), (1, true));
    }
}
