//! What provisioning makes of the rules that it finds in ufw: who has set a port stricter is obeyed.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// A ufw that knows rules and profiles, and cannot be changed.
const UFW: &str = r#"#!/bin/sh
case "$*" in
"show added") printf "Added user rules (see 'ufw status' for running firewall):\n%s\n" "$RULES" ;;
"app info OpenSSH") printf 'Profile: OpenSSH\nTitle: t\nDescription: not 80/tcp\n\nPort:\n  22/tcp\n' ;;
"app info WWW Full") printf 'Profile: WWW Full\nTitle: t\nDescription: d\n\nPorts:\n  80,443/tcp\n' ;;
"app info Mixed") printf 'Profile: Mixed\nTitle: t\nDescription: d\n\nPorts:\n  80/udp\n  443/tcp\n' ;;
*) exit 1 ;;
esac
"#;

/// What follows for 22, by which infrakt comes, for 80 and for 443: one word each.
fn follows(wall: &str, rules: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let ufw = dir.path().join("ufw");
    std::fs::write(&ufw, UFW).unwrap();
    std::fs::set_permissions(&ufw, std::fs::Permissions::from_mode(0o755)).unwrap();
    let script = format!(
        "{}\nfor port in 22 80 443; do if [ $port = 22 ]; then needed=yes; else needed=no; fi
         ufw_rules | rules_for $port | what_follows \"$1\" $needed; done",
        include_str!("../../src/ops/provision/ufw.sh")
    );
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
    let rules: Vec<String> = rules.iter().map(|rule| format!("ufw {rule}")).collect();
    let output = Command::new("sh")
        .args(["-euc", &script, "sh", wall])
        .env("PATH", path)
        .env("RULES", if rules.is_empty() { "(None)".into() } else { rules.join("\n") })
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().replace('\n', " ")
}

#[test]
fn a_rule_that_is_stricter_than_ours_stays_and_what_nobody_has_spoken_of_is_opened() {
    for (wall, rules, expected) in [
        ("off", &[][..], "allow allow allow"),
        ("up", &[], "allow allow allow"),
        // The three that became open to all.
        ("up", &["limit 22/tcp", "deny 80/tcp", "allow from 10.9.0.0/16 to any port 443"], "keep keep keep"),
        ("off", &["limit 22/tcp", "deny 80/tcp", "allow from 10.9.0.0/16 to any port 443"], "keep keep keep"),
        ("down", &["limit 22/tcp", "deny 80/tcp"], "keep keep allow"),
        // As it is where provisioning was there before.
        ("up", &["allow 22/tcp", "allow 80/tcp", "allow 443"], "open open open"),
        ("off", &["allow 22", "allow 80,443/tcp comment 'deny 80/tcp'"], "open open open"),
        ("up", &["allow OpenSSH", "allow 'WWW Full'"], "open open open"),
        ("up", &["allow 20:30/tcp", "allow log 80/tcp", "allow log-all 443/tcp"], "open open open"),
        // Denied and rejected, by a list, a range, a profile.
        ("up", &["allow 22/tcp", "reject 80"], "open keep allow"),
        ("up", &["allow 22/tcp", "deny 80,443/tcp"], "open keep keep"),
        ("up", &["allow 22/tcp", "deny 79:90/tcp"], "open keep allow"),
        ("up", &["allow 22/tcp", "deny 'WWW Full'"], "open keep keep"),
        ("up", &["allow 22/tcp", "deny to any port 80"], "open keep allow"),
        // For some alone: an address, an interface, an address of the server.
        ("up", &["allow 22/tcp", "allow in on wg0 to any port 80 proto tcp"], "open keep allow"),
        ("up", &["allow 22/tcp", "limit from 10.9.0.0/16 to any app 'WWW Full'"], "open keep keep"),
        ("up", &["allow 22/tcp", "allow to 203.0.113.5 port 443 proto tcp"], "open allow keep"),
        // Their own network alone, everywhere.
        ("up", &["allow from 10.9.0.0/16"], "keep keep keep"),
        ("up", &["allow in on wg0"], "keep keep keep"),
        // Who is banned stays banned: that goes before what is opened behind it.
        ("up", &["deny from 192.0.2.66", "allow 22/tcp"], "open allow allow"),
        ("down", &["deny from 192.0.2.66 to any port 22"], "allow allow allow"),
        // The first rule for all decides.
        ("up", &["allow 22/tcp", "deny 80/tcp", "allow 80"], "open keep allow"),
        ("up", &["allow 22/tcp", "allow 80/tcp", "deny 80"], "open open allow"),
        // Nothing of this is about what comes in from outside by TCP.
        ("up", &["allow 22/tcp", "deny out 80/tcp", "deny out to any port 443"], "open allow allow"),
        ("up", &["allow 22/tcp", "route deny in on eth0 out on eth1 to any port 80"], "open allow allow"),
        ("up", &["allow 22/tcp", "deny 80/udp", "deny proto udp to any port 443"], "open allow allow"),
        ("up", &["allow 22/tcp", "deny Mixed"], "open allow keep"),
        ("up", &["allow 22/tcp", "allow in on docker0", "allow in on br-1f2e"], "open allow allow"),
        // A firewall that is off, with rules that may shut us out when it is switched on; through one that is on we came.
        ("off", &["deny 22/tcp"], "ourself allow allow"),
        ("off", &["allow from 10.9.0.0/16 to any port 22 proto tcp"], "ourself allow allow"),
        ("off", &["allow from 10.9.0.0/16"], "ourself keep keep"),
        ("down", &["reject 22/tcp"], "ourself allow allow"),
        ("up", &["allow from 10.9.0.0/16 to any port 22 proto tcp"], "keep allow allow"),
    ] {
        assert_eq!(follows(wall, rules), expected, "{wall}: {rules:?}");
    }
}

/// Whatever stands before or behind it: a port for which one rule is stricter is never opened to all, unless a person did it before that.
#[test]
fn no_order_of_rules_opens_what_one_of_them_closes() {
    let stricter = ["limit 80/tcp", "deny 80/tcp", "reject 80", "deny 1:1024/tcp", "deny 'WWW Full'"];
    let others =
        ["allow 22/tcp", "allow from 10.9.0.0/16 to any port 80", "deny from 192.0.2.66", "allow 443", "deny out 80"];
    let mut said = String::new();
    for rule in stricter {
        for at in 0..=others.len() {
            let mut rules = others.to_vec();
            rules.insert(at, rule);
            for wall in ["up", "down", "off"] {
                let words = follows(wall, &rules);
                if words.split(' ').nth(1) != Some("keep") {
                    let _ = writeln!(said, "{wall} {rules:?}: {words}");
                }
            }
        }
    }
    assert!(said.is_empty(), "{said}");
}
