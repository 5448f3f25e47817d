//! The documents against the program: each command that a page or a text of the program names exists, with its flags, and each link leads
//! somewhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Commands of later versions that texts may name already: none.
const LATER: &[&str] = &[];

#[test]
fn every_command_that_is_named_exists() {
    let mut program = Program::default();
    let mut faults = Vec::new();
    for file in pages().into_iter().chain(sources()) {
        for (line, words) in mentions(&read(&file)) {
            if let Some(fault) = program.fault(&words)
                && !LATER.iter().any(|later| words.join(" ").starts_with(later))
            {
                faults.push(format!("{}:{line}: `infrakt {}`: {fault}", name(&file), words.join(" ")));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn the_readme_shows_every_command() {
    let mut program = Program::default();
    let groups = program.commands("").clone();
    assert!(groups.len() > 3, "{groups:?}");
    let readme = read(&root().join("README.md"));
    for group in groups.iter().filter(|group| *group != "help" && *group != "completions") {
        assert!(readme.contains(&format!("infrakt {group}")), "README.md never shows `infrakt {group}`");
    }
}

/// docs/cli.md is what the program makes of its own command line.
#[test]
fn the_reference_shows_every_command_as_it_is() {
    let out = Command::new(env!("CARGO_BIN_EXE_infrakt")).arg("reference").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let made = String::from_utf8(out.stdout).unwrap();
    let page = root().join("docs/cli.md");
    if std::fs::read_to_string(&page).unwrap_or_default() != made {
        let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli.md");
        std::fs::write(&new, &made).unwrap();
        panic!("docs/cli.md is not what the program says of itself; that is now in {}", new.display());
    }
}

/// docs/openapi.json is what the program says of its API.
#[test]
fn the_description_of_the_api_is_the_programs() {
    let out = Command::new(env!("CARGO_BIN_EXE_infrakt")).args(["reference", "openapi"]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let made = String::from_utf8(out.stdout).unwrap();
    if std::fs::read_to_string(root().join("docs/openapi.json")).unwrap_or_default() != made {
        let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi.json");
        std::fs::write(&new, &made).unwrap();
        panic!("docs/openapi.json is not what the program says of its API; that is now in {}", new.display());
    }
}

#[test]
fn every_link_leads_somewhere() {
    let mut faults = Vec::new();
    for page in pages() {
        let text = read(&page);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let linked = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            if !linked.exists() {
                faults.push(format!("{}: {target}: no such file", name(&page)));
            } else if !anchor.is_empty() && !anchors(&read(&linked)).contains(&anchor.to_owned()) {
                faults.push(format!("{}: {target}: no such heading", name(&page)));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// A test that a page points to is there.
#[test]
fn every_test_that_is_named_exists() {
    let code: String =
        ["src", "tests"].iter().flat_map(|dir| with_ending(&root().join(dir), &["rs"])).map(|f| read(&f)).collect();
    let text = read(&root().join("docs/architecture.md"));
    let is_name = |word: &&str| {
        word.matches('_').count() > 2 && word.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '_' | '0'..='9'))
    };
    let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter(is_name).collect();
    assert!(named.len() > 10, "{named:?}");
    let missing: Vec<&&str> = named.iter().filter(|name| !code.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "docs/architecture.md names tests that are not there: {missing:?}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn pages() -> Vec<PathBuf> {
    let mut out = with_ending(&root().join("docs"), &["md"]);
    for entry in std::fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        // The changelog may name what is gone.
        if path.extension().is_some_and(|e| e == "md") && !path.ends_with("CHANGELOG.md") {
            out.push(path);
        }
    }
    out
}

fn sources() -> Vec<PathBuf> {
    with_ending(&root().join("src"), &["rs", "sh"])
}

fn with_ending(dir: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(with_ending(&path, endings));
        } else if path.extension().is_some_and(|e| endings.iter().any(|ending| e == *ending)) {
            out.push(path);
        }
    }
    out.sort();
    out
}

/// As GitHub makes them: lower case, blanks become hyphens, punctuation goes.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        kept.chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .collect::<String>()
            .replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// What a text says in backticks or behind a prompt: line number, and the words behind `infrakt`.
fn mentions(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut out = Vec::new();
    for (at, line) in text.lines().enumerate() {
        // In shell a backtick within quotes is escaped.
        let line = line.replace("\\`", "`");
        let quoted = line.split("`infrakt ").skip(1).filter_map(|rest| rest.split_once('`')).map(|(words, _)| words);
        let typed = line.strip_prefix("$ infrakt ").map(|words| words.split(" #").next().unwrap_or(words));
        for words in quoted.chain(typed) {
            out.push((at + 1, words.split_whitespace().map(str::to_owned).collect()));
        }
    }
    out
}

/// The binary's own help, asked once per command.
#[derive(Default)]
struct Program {
    help: BTreeMap<String, (String, Vec<String>)>,
}

impl Program {
    fn ask(&mut self, path: &str) -> &(String, Vec<String>) {
        self.help.entry(path.to_owned()).or_insert_with(|| {
            let out = Command::new(env!("CARGO_BIN_EXE_infrakt"))
                .args(path.split_whitespace())
                .arg("--help")
                .output()
                .unwrap();
            assert!(out.status.success(), "`infrakt {path} --help`: {}", String::from_utf8_lossy(&out.stderr));
            let text = String::from_utf8(out.stdout).unwrap();
            let listed =
                text.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
            let commands = listed
                .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
                .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
                .collect();
            (text, commands)
        })
    }

    fn commands(&mut self, path: &str) -> &Vec<String> {
        &self.ask(path).1
    }

    fn fault(&mut self, words: &[String]) -> Option<String> {
        let mut path = String::new();
        let mut rest = words.iter();
        while !self.commands(&path).is_empty() {
            let Some(word) = rest.next() else { break };
            if word == "…" || word.starts_with('-') {
                break;
            }
            // `--done|--rerun`, `stop|start`: each of them.
            for one in word.split('|') {
                if !self.commands(&path).iter().any(|command| command == one) {
                    return Some(format!("there is no command `{one}`"));
                }
            }
            path = format!("{path} {}", word.split('|').next().unwrap_or_default()).trim().to_owned();
        }
        let (help, _) = self.ask(&path);
        for flag in
            words.iter().flat_map(|word| word.split('|')).filter(|word| word.starts_with("--") && word.len() > 2)
        {
            let flag =
                flag.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-').split('=').next().unwrap_or(flag);
            let known = |listed: &str| listed.split([' ', ',', '=', '[']).any(|word| word == flag);
            if !help.lines().any(known) {
                return Some(format!("`infrakt {path}` has no `{flag}`"));
            }
        }
        None
    }
}
