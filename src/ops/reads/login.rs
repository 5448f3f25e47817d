//! The first question to a server: over which port we come, what system it is, whether we may become root.

use crate::ops::reads::{Read, ReadError, answers, number};
use serde::Serialize;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Login {
    /// Our address as the server sees it; none where the login does not go over sshd.
    pub ssh_client: Option<String>,
    /// The server's port of this very connection.
    pub ssh_port: Option<u16>,
    pub uid: u32,
    /// `ID` of os-release: `debian`.
    pub os: Option<String>,
    pub os_version: Option<String>,
    /// `Debian GNU/Linux 13 (trixie)`.
    pub os_name: Option<String>,
    pub arch: String,
    pub systemd: bool,
    /// Root already, or by `sudo -n`.
    pub can_be_root: bool,
    /// What sudo said where it refused.
    pub sudo_refusal: Option<String>,
}

pub fn read() -> Read {
    Read::new(include_str!("login.sh"), &[])
}

pub fn parse(text: &str) -> Result<Login, ReadError> {
    let mut login = Login::default();
    let some = |word: Option<&&str>| word.filter(|word| !word.is_empty()).map(|word| (*word).to_owned());
    for (key, words) in answers(text)? {
        match key {
            "ssh" => {
                login.ssh_client = some(words.first());
                login.ssh_port = words.get(1).and_then(|port| port.parse().ok());
            }
            "uid" => login.uid = number(key, words.first())?,
            "os" => {
                login.os = some(words.first());
                login.os_version = some(words.get(1));
                login.os_name = some(words.get(2));
            }
            "arch" => login.arch = some(words.first()).unwrap_or_default(),
            "systemd" => login.systemd = true,
            "root" => {
                login.can_be_root = words.first() == Some(&"yes");
                login.sudo_refusal = some(words.get(1));
            }
            // A newer script may say more.
            _ => {}
        }
    }
    Ok(login)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_behind_a_greeting() {
        let text = "Welcome!\n@ssh\t10.0.0.9\t2222\n@uid\t1000\n@os\tdebian\t13\tDebian GNU/Linux 13 (trixie)\n@arch\tx86_64\n@systemd\tyes\n@root\tno\tsudo: a password is required\n@end\n";
        let login = parse(text).unwrap();
        assert_eq!((login.ssh_client.as_deref(), login.ssh_port, login.uid), (Some("10.0.0.9"), Some(2222), 1000));
        assert_eq!((login.os.as_deref(), login.os_version.as_deref()), (Some("debian"), Some("13")));
        assert_eq!((login.can_be_root, login.sudo_refusal.as_deref()), (false, Some("sudo: a password is required")));
        assert_eq!(parse("@uid\t0\n"), Err(ReadError::Incomplete));
        assert!(matches!(parse("@uid\tx\n@end\n"), Err(ReadError::Odd(_))));
    }
}
