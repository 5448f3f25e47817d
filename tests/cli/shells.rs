//! Completion as a shell gets it, and the manual's pages.

use crate::world::World;
use insta::assert_snapshot;
use std::path::Path;
use std::process::Command;

/// Sources the script in a real bash and asks for what may follow a line, as a press of tab does.
const TAB: &str = r#"
set -eu
source <(infrakt completions bash)
complete -p infrakt >/dev/null
for line in "$@"; do
  read -ra COMP_WORDS <<<"$line"
  case $line in *' ') COMP_WORDS+=('') ;; esac
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$line COMP_POINT=${#line} COMP_TYPE=9 COMPREPLY=()
  _clap_complete_infrakt infrakt "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
  echo "$line: ${COMPREPLY[*]}"
done
"#;

/// Types each line into an interactive zsh, then tab, and shows what the line is then. Its first argument sets that zsh up.
const ZSH_TAB: &str = r#"
zmodload zsh/zpty
zpty tab zsh -f -i
zpty -w tab "source ${(q)1}"
zpty -r tab said '*\[\[ready\]\]*'
shift
for line in "$@"; do
  zpty -w -n tab "$line"$'\t\a'
  zpty -r tab said '*\[\[*\]\]*'
  said=${said##*\[\[}
  print -r -- "$line: <${said%%\]\]*}>"
done
zpty -d tab
"#;

const ZSH_SETUP: &str = r#"
PS1= RPS1= PROMPT_EOL_MARK=
autoload -U compinit
compinit -u -D
source <(infrakt completions zsh)
say() { print -r -- "[[$BUFFER]]"; BUFFER= }
zle -N say
bindkey -e
bindkey '^I' complete-word
bindkey '^G' say
print -r -- '[[ready]]'
"#;

/// Asks fish for what may follow each line; the words alone, without their explanations.
const FISH_TAB: &str = r#"
infrakt completions fish | source
for line in $argv[2..]
  set found (complete -C "$line" | string replace -r '\t.*' '')
  echo "$line: $found"
end
"#;

/// Runs a script with nobody's settings, and for no longer than a minute.
fn in_shell(world: &World, shell: &str, script: &str, lines: &[&str]) -> String {
    let bin = Path::new(env!("CARGO_BIN_EXE_infrakt")).parent().unwrap().display().to_string();
    let path = format!("{bin}:{}", std::env::var("PATH").unwrap());
    let mut command = Command::new("timeout");
    command.arg("60").arg(shell);
    if shell == "fish" {
        command.arg("--no-config");
    }
    let output = command
        .args(["-c", script, shell])
        .args(lines)
        .env("PATH", path)
        .env("INFRAKT_HOME", world.home())
        .env("HOME", world.home().parent().unwrap())
        .env("TERM", "xterm")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_DATA_HOME")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && complained.is_empty(), "{shell}: {}\n{said}\n{complained}", output.status);
    said
}

fn tab(world: &World, lines: &[&str]) -> String {
    in_shell(world, "bash", TAB, lines)
}

/// Servers lab, prod-1 and prod-2, the app api on one and web on two of them.
fn some() -> World {
    let world = World::with_web();
    world.server("prod-2").server("lab").app("web", "prod-2").app("api", "lab");
    world
}

#[test]
fn bash_completes_commands_and_names() {
    let world = some();
    let said = tab(
        &world,
        &[
            "infrakt server sh",
            "infrakt server show pr",
            "infrakt server show ",
            "infrakt server add ",
            "infrakt app deploy ",
            "infrakt app deploy prod-2/",
            "infrakt app deploy a",
            "infrakt app list --server la",
            "infrakt env set w",
            "infrakt app deploy api --wa",
        ],
    );
    assert_snapshot!(said, @r"
    infrakt server sh: show
    infrakt server show pr: prod-1 prod-2
    infrakt server show : lab prod-1 prod-2 --home --json --verbose --yes --help
    infrakt server add : --host --user --port --key --provider --fingerprint --offline --help --home --json --verbose --yes
    infrakt app deploy : api prod-1/web prod-2/web --server --branch --commit --wait --no-wait --timeout --help --home --json --verbose --yes
    infrakt app deploy prod-2/: prod-2/web
    infrakt app deploy a: api
    infrakt app list --server la: lab
    infrakt env set w: 
    infrakt app deploy api --wa: --wait
    ");
}

#[test]
fn zsh_completes_commands_and_names() {
    let world = some();
    let setup = world.file("setup.zsh", ZSH_SETUP);
    let lines = [
        setup.to_str().unwrap(),
        "infrakt server sh",
        "infrakt server show la",
        "infrakt server show pr",
        "infrakt app deploy a",
        "infrakt app deploy prod-2/",
        "infrakt app list --server la",
        "infrakt app deploy api --wa",
        "infrakt server show nothing",
    ];
    assert_snapshot!(in_shell(&world, "zsh", ZSH_TAB, &lines), @r"
    infrakt server sh: <infrakt server show >
    infrakt server show la: <infrakt server show lab >
    infrakt server show pr: <infrakt server show prod->
    infrakt app deploy a: <infrakt app deploy api >
    infrakt app deploy prod-2/: <infrakt app deploy prod-2/web >
    infrakt app list --server la: <infrakt app list --server lab >
    infrakt app deploy api --wa: <infrakt app deploy api --wait >
    infrakt server show nothing: <infrakt server show nothing>
    ");
}

#[test]
fn fish_completes_commands_and_names() {
    let world = some();
    let lines = [
        "infrakt server sh",
        "infrakt server show pr",
        "infrakt server show ",
        "infrakt app deploy ",
        "infrakt app deploy prod-2/",
        "infrakt app deploy a",
        "infrakt app list --server la",
        "infrakt app deploy api --wa",
        "infrakt server show nothing",
    ];
    assert_snapshot!(in_shell(&world, "fish", FISH_TAB, &lines), @r"
    infrakt server sh: show
    infrakt server show pr: prod-1 prod-2
    infrakt server show : lab prod-1 prod-2 --home --json --verbose --yes --help
    infrakt app deploy : api prod-1/web prod-2/web --server --branch --commit --wait --no-wait --timeout --help --home --json --verbose --yes
    infrakt app deploy prod-2/: prod-2/web
    infrakt app deploy a: api
    infrakt app list --server la: lab
    infrakt app deploy api --wa: --wait
    infrakt server show nothing:
    ");
}

#[test]
fn a_shell_that_asks_makes_no_home_and_hears_no_complaint() {
    let world = World::alone();
    assert_eq!(tab(&world, &["infrakt server show p"]), "infrakt server show p: \n");
    assert!(!world.home().exists());
    std::fs::create_dir(world.home()).unwrap();
    std::fs::write(world.home().join("infrakt.db"), "no database").unwrap();
    assert_eq!(tab(&world, &["infrakt app deploy p"]), "infrakt app deploy p: \n");
    assert_eq!(std::fs::read_dir(world.home()).unwrap().count(), 1);
}

/// What each shell is given parses there.
#[test]
fn the_scripts_are_read_by_their_shells() {
    let world = World::alone();
    for shell in ["bash", "zsh", "fish"] {
        let output = world.quiet(&["completions", shell]);
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("INFRAKT_COMPLETE"), "{script}");
        world.file("script", &script);
        let parsed = Command::new(shell).arg("-n").arg(world.home().with_file_name("script")).output();
        let output = parsed.unwrap_or_else(|e| panic!("{shell} cannot be run here: {e}"));
        assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(!world.home().exists());
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let world = World::alone();
    let dir = world.home().with_file_name("man1");
    world.quiet(&["man", dir.to_str().unwrap()]);
    assert!(!world.home().exists());
    let mut pages: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    let names: Vec<_> = pages.iter().map(|page| page.file_name().unwrap().to_str().unwrap()).collect();
    for wanted in ["infrakt.1", "infrakt-app.1", "infrakt-app-deploy.1", "infrakt-job-follow.1"] {
        assert!(names.contains(&wanted), "{names:?}");
    }
    assert!(!names.contains(&"infrakt-man.1") && names.iter().all(|name| !name.contains("help")), "{names:?}");
    for page in &pages {
        let text = std::fs::read_to_string(page).unwrap();
        for part in [".TH ", ".SH NAME", ".SH SYNOPSIS"] {
            assert!(text.contains(part), "{} has no {part}", page.display());
        }
    }
    let set = Command::new("groff").args(["-Kutf8", "-man", "-Tutf8", "-ww", "-z"]).args(&pages).output();
    let output = set.unwrap_or_else(|e| panic!("groff cannot be run here: {e}"));
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
