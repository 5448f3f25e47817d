//! The step script: its text, its hash, and where it lies on a server.

use crate::ssh::words::quote;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// `infrakt-step`, wire version 1.
pub const STEP_SCRIPT: &str = include_str!("infrakt-step.sh");

static SHA256: LazyLock<String> = LazyLock::new(|| sha256(STEP_SCRIPT.as_bytes()));

/// The step script's SHA-256, lower-case hex.
pub fn step_script_sha256() -> &'static str {
    &SHA256
}

/// SHA-256 in lower-case hex, as the wire format has it.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Its full path under a state folder: each version has its own, so that several control planes get along.
pub(super) fn path(state_dir: &str) -> String {
    format!("{state_dir}/bin/infrakt-step-{}", &SHA256[..12])
}

/// Reads the script from stdin and puts it in its place, whole or not at all.
pub(super) fn upload_command(state_dir: &str, sudo: bool) -> String {
    let script = "umask 077; d=$0/bin; b=$1; t=$1.$$; mkdir -p \"$d\" && cat >\"$t\" && h=$(sha256sum <\"$t\") && \
                  [ \"${h%% *}\" = \"$2\" ] && chmod 700 \"$t\" && sync \"$t\" && mv -fT \"$t\" \"$b\" && sync \"$d\" && exit 0; \
                  rm -f \"$t\"; exit 1";
    let sudo = if sudo { "sudo -n " } else { "" };
    format!("{sudo}sh -c {} {} {} {}", quote(script), quote(state_dir), quote(&path(state_dir)), *SHA256)
}
