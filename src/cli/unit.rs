//! The systemd unit that `infrakt serve --print-unit` prints.

use std::path::Path;

/// `user`: the owner of the home. `words`: the command that it starts, program first.
pub fn text(user: u32, home: &Path, words: &[String]) -> String {
    let command = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let folder = quoted(&home.display().to_string());
    format!(
        "\
[Unit]
Description=infrakt: the API, the web page, and the jobs of all servers
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
User={user}
ExecStart={command}
Environment=INFRAKT_LOG_FORMAT=json
Restart=always
RestartSec=1
# What runs on servers goes on there; the next process attaches to it.
KillMode=mixed
TimeoutStopSec=10
LimitNOFILE=65536
UMask=0077

NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths={folder}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
"
    )
}

/// A word as systemd reads it: `%` and `$` are its own.
fn quoted(word: &str) -> String {
    let word = word.replace('%', "%%").replace('$', "$$");
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:@%$+=,[]".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word;
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_arrive_as_they_are() {
        let words = ["/opt/my tools/infrakt".to_owned(), "--home".to_owned(), "/srv/50%".to_owned()];
        let unit = text(1000, Path::new("/srv/50%"), &words);
        assert!(unit.contains("\nExecStart=\"/opt/my tools/infrakt\" --home /srv/50%%\n"), "{unit}");
        assert!(unit.contains("\nReadWritePaths=/srv/50%%\n"), "{unit}");
    }
}
