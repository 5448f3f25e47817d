//! Puts the commit into the binary: for `--version`; and has it made anew with the web page that it holds. A build without git, or outside of a checkout, has none.

use std::process::Command;

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=INFRAKT_COMMIT");
    let mut version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    // A packager without the repository says the commit itself. A debug build does not follow each commit: it would be compiled anew
    // for it.
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if release {
        // Files of a new name are nothing that the compiler looks at by itself; a debug build reads the folder as it runs.
        println!("cargo:rerun-if-changed=frontend/dist");
    }
    let commit = std::env::var("INFRAKT_COMMIT").ok().filter(|commit| !commit.is_empty()).or_else(|| {
        if !release {
            return Some("debug build".to_owned());
        }
        if let Some(log) =
            git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| std::path::Path::new(log).exists())
        {
            println!("cargo:rerun-if-changed={log}");
        }
        git(&["log", "-1", "--format=%h %cs"])
    });
    if let Some(commit) = commit {
        version.push_str(&format!(" ({commit})"));
    }
    println!("cargo:rustc-env=INFRAKT_VERSION={version}");
}
