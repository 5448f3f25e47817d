//! What sudo says where it refuses, told apart from what it says beside its work.

/// sudo warns of these and goes on.
const WARNINGS: [&str; 4] =
    ["unable to resolve host", "unable to send audit message", "unable to open audit system", "setrlimit"];

/// sudo's reason: its last word on stderr that is no mere warning, or a shell's that has no sudo. None: it has refused nothing.
pub(super) fn refusal(stderr: &str) -> Option<&str> {
    let own = |line: &&str| {
        let beginnings = ["sudo: ", "Sorry, user "];
        beginnings.iter().any(|words| line.starts_with(words))
            || line.contains("not in the sudoers file")
            || is_missing(line)
    };
    let warning = |line: &&str| WARNINGS.iter().any(|words| line.contains(words));
    stderr.lines().map(str::trim).filter(own).rfind(|line| !warning(line))
}

/// As the shells say it: `sh: 1: sudo: not found`, `zsh:1: command not found: sudo`, `fish: Unknown command: sudo`.
pub(super) fn is_missing(line: &str) -> bool {
    line.contains("sudo") && ["not found", "nknown command"].iter().any(|words| line.contains(words))
}

/// What to try.
pub(super) fn hint(refusal: &str) -> &'static str {
    if refusal.contains("must have a tty") {
        return "sudo asks for a terminal there (`requiretty`): a line `Defaults:USER !requiretty` in /etc/sudoers.d lets the user go without";
    }
    if is_missing(refusal) {
        return "install sudo there (as root: `apt-get install sudo`), or log in as root";
    }
    "a user other than root needs `sudo` without a password: a line `USER ALL=(ALL) NOPASSWD: ALL` in /etc/sudoers.d"
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_HOST: &str = "sudo: unable to resolve host prod-1: Name or service not known\n";

    #[test]
    fn a_warning_of_sudo_is_not_its_reason() {
        for (said, reason, try_this) in [
            ("sudo: sorry, you must have a tty to run sudo", "must have a tty", "!requiretty"),
            ("sudo: a password is required", "a password is required", "NOPASSWD"),
            ("sudo: a terminal is required to read the password; either use …", "a terminal is required", "NOPASSWD"),
            ("plain is not in the sudoers file.", "not in the sudoers file", "NOPASSWD"),
            ("Sorry, user plain may not run sudo on prod-1.", "may not run sudo", "NOPASSWD"),
            ("Sorry, user plain is not allowed to execute '/bin/sh' as root on prod-1.", "not allowed", "NOPASSWD"),
            ("sh: 1: sudo: not found", "not found", "apt-get install sudo"),
            ("bash: line 1: sudo: command not found", "not found", "apt-get install sudo"),
            ("zsh:1: command not found: sudo", "not found", "apt-get install sudo"),
            ("fish: Unknown command: sudo", "Unknown command", "apt-get install sudo"),
        ] {
            for text in [format!("{said}\n"), format!("{NO_HOST}{said}\n"), format!("{said}\n{NO_HOST}")] {
                let found = refusal(&text).unwrap_or_else(|| panic!("{text}"));
                assert!(found.contains(reason), "{text}: {found}");
                assert!(hint(found).contains(try_this), "{text}: {}", hint(found));
            }
        }
        for beside in [
            NO_HOST,
            "",
            "permission denied: are you root? try sudo\n",
            "sudo: unable to send audit message: Operation not permitted\nhello\n",
        ] {
            assert_eq!(refusal(beside), None, "{beside}");
        }
    }
}
