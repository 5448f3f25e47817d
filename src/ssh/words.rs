//! The shell words of the room's own commands, and the leash on which short commands run.

/// One word for any shell: in single quotes unless it is plain.
pub(super) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':' | ',' | '=');
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// A command for a read, never for a step: it runs as root in a session and process group of its own. When stdin ends, be it by us or
/// with the connection, the group gets TERM and five seconds later KILL; what it leaves behind at its own end gets KILL at once. The
/// first `stdin_len` bytes of stdin are the command's own: they wait in a file without a name, in memory.
///
/// Nothing here traps a signal: a shell that does can miss one between two of its commands. The login shell may be anything, so all of
/// it is one quoted word for `sh`. `SSH_CONNECTION` passes through sudo.
pub(super) fn leash(command: &str, stdin_len: usize, sudo: bool) -> String {
    let input = match stdin_len {
        0 => "exec 4</dev/null".to_owned(),
        n => format!(
            "t=$(mktemp -p \"${{XDG_RUNTIME_DIR:-/run}}\") || exit 1; head -c {n} <&3 >\"$t\"; exec 4<\"$t\"; rm -f \"$t\""
        ),
    };
    let watched = format!(
        "exec 3<&0; {input}; setsid sh -c {} <&4 3<&- 4<&- & p=$!; \
         (cat <&3; kill -TERM -$p; sleep 5; kill -KILL -$p) >/dev/null 2>&1 4<&- & w=$!; \
         exec 3<&- 4<&-; wait $p; r=$?; exec 2>/dev/null; kill $w; kill -KILL -$p; exit $r",
        quote(command)
    );
    match sudo {
        false => format!("exec sh -c {}", quote(&watched)),
        true => {
            let inner = "SSH_CONNECTION=$0; export SSH_CONNECTION; eval \"$1\"";
            let outer = format!("exec sudo -n sh -c {} \"$SSH_CONNECTION\" {}", quote(inner), quote(&watched));
            format!("exec sh -c {}", quote(&outer))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn words_come_out_as_they_went_in() {
        for word in ["", "plain-1", "a b", "it's", "$HOME `id` \"x\"", "é\n*", "'"] {
            let out = Command::new("sh").arg("-c").arg(format!("printf %s {}", quote(word))).output().unwrap();
            assert_eq!(String::from_utf8(out.stdout).unwrap(), word);
        }
    }
}
