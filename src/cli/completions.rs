//! `infrakt completions SHELL`: a script with which the shell asks this program what may come next; and the answer, with the names
//! of this home's servers, apps, databases and jobs.
//!
//! The script knows no command: what it offers is read from the command line's own tree at each question.

use super::exit::{DONE, Done};
use super::{Cli, Ctx};
use crate::config::{self, Home};
use crate::service::names::{self, Names, Placed};
use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::CompletionCandidate;
use clap_complete::engine::ArgValueCompleter;
use clap_complete::env::{Bash, CompleteEnv, EnvCompleter, Fish, Shells, Zsh};
use serde::Serialize;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Set by the script: the shell that asks.
const ASKS: &str = "INFRAKT_COMPLETE";

const BINARY: &str = "infrakt";

#[derive(Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shell {
    /// `source <(infrakt completions bash)` in ~/.bashrc
    Bash,
    /// `source <(infrakt completions zsh)` in ~/.zshrc, behind compinit
    Zsh,
    /// `infrakt completions fish | source` in ~/.config/fish/config.fish
    Fish,
}

#[derive(Serialize)]
struct Script {
    shell: &'static str,
    script: String,
}

pub fn run(ctx: &Ctx, asked: &Completions) -> Done {
    let shell: &dyn EnvCompleter = match asked.shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
    };
    let mut script = Vec::new();
    shell.write_registration(ASKS, BINARY, BINARY, BINARY, &mut script)?;
    if ctx.out.json {
        let script = String::from_utf8_lossy(&script).into_owned();
        ctx.out.document(&Script { shell: shell.name(), script })?;
    } else {
        ctx.out.raw(&script)?;
    }
    Ok(DONE)
}

/// Whether a shell asked, and got its answer. One that cannot be given is silence: a line is being typed.
pub fn answer() -> bool {
    let words = config::arguments();
    let flag = typed_home(&words);
    let tree = move || with_names(Cli::command(), &[], &flag);
    let env = CompleteEnv::with_factory(tree).var(ASKS).shells(Shells(&[&Bash, &Zsh, &Fish]));
    env.try_complete(words, None).unwrap_or(true)
}

/// `--home DIR` or `--home=DIR` in the line that is being typed.
fn typed_home(words: &[OsString]) -> Option<PathBuf> {
    let at = words.iter().position(|word| word == "--home").map(|at| at + 1);
    let behind = at.and_then(|at| words.get(at)).map(PathBuf::from);
    behind.or_else(|| words.iter().find_map(|word| Some(PathBuf::from(word.to_str()?.strip_prefix("--home=")?))))
}

/// What an argument names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Server,
    App,
    Database,
    AppOrDatabase,
    Job,
}

impl Named {
    /// By the command's words and the argument's own; new commands follow by calling their arguments what others do.
    fn of(path: &[String], id: &str) -> Option<Self> {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        match (words.as_slice(), id) {
            ([_, "add" | "create"], "name") => None,
            (_, "server" | "servers") | (["server", _], "name") => Some(Named::Server),
            (["app", "show" | "logs" | "restart" | "stop" | "start"], "app" | "name") => Some(Named::AppOrDatabase),
            (_, "app") | (["app", _], "name") => Some(Named::App),
            (["db", _], "name" | "database" | "db") => Some(Named::Database),
            (["job", _], "id") => Some(Named::Job),
            _ => None,
        }
    }

    fn candidates(self, names: &Names, typed: &str) -> Vec<String> {
        match self {
            Named::Server => names.servers.clone(),
            Named::Job => names.jobs.clone(),
            Named::App => placed(names, typed, |one| !one.is_database),
            Named::Database => placed(names, typed, |one| one.is_database),
            Named::AppOrDatabase => placed(names, typed, |_| true),
        }
    }
}

/// The name alone where it says which; with the server before it where that was begun, or where it must be.
fn placed(names: &Names, typed: &str, wanted: impl Fn(&Placed) -> bool) -> Vec<String> {
    let all: Vec<&Placed> = names.apps.iter().filter(|one| wanted(one)).collect();
    let alone = |one: &Placed| all.iter().filter(|other| other.name == one.name).count() == 1;
    let short = |one: &&&Placed| !typed.contains('/') && alone(one);
    let shown = |one: &&Placed| if short(&one) { one.name.clone() } else { format!("{}/{}", one.server, one.name) };
    all.iter().map(shown).collect()
}

/// The tree, with the names of this home behind each argument that takes one.
fn with_names(command: clap::Command, path: &[String], flag: &Option<PathBuf>) -> clap::Command {
    let named = |arg: clap::Arg| match Named::of(path, arg.get_id().as_str()) {
        None => arg,
        Some(what) => {
            let flag = flag.clone();
            arg.add(ArgValueCompleter::new(move |typed: &OsStr| complete(what, &flag, typed)))
        }
    };
    command.mut_args(named).mut_subcommands(|inner| {
        let path = [path, &[inner.get_name().to_owned()]].concat();
        with_names(inner, &path, flag)
    })
}

fn complete(what: Named, flag: &Option<PathBuf>, typed: &OsStr) -> Vec<CompletionCandidate> {
    let (Some(typed), Ok(home)) = (typed.to_str(), Home::resolve(flag.clone())) else { return Vec::new() };
    let mut found = what.candidates(&names::of(&home), typed);
    found.retain(|name| name.starts_with(typed));
    found.into_iter().map(CompletionCandidate::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(words: &str) -> Vec<String> {
        words.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn an_argument_is_known_by_its_name() {
        for (words, id, what) in [
            ("server show", "name", Some(Named::Server)),
            ("server add", "name", None),
            ("app create", "server", Some(Named::Server)),
            ("app create", "name", None),
            ("app deploy", "app", Some(Named::App)),
            ("app logs", "app", Some(Named::AppOrDatabase)),
            ("env set", "app", Some(Named::App)),
            ("db url", "name", Some(Named::Database)),
            ("job show", "id", Some(Named::Job)),
            ("deployment show", "id", None),
        ] {
            assert_eq!(Named::of(&path(words), id), what, "{words} {id}");
        }
    }

    #[test]
    fn apps_are_offered_with_their_server_where_that_must_be_said() {
        let one =
            |name: &str, server: &str, is_database| Placed { name: name.into(), server: server.into(), is_database };
        let apps = vec![one("api", "a", false), one("pg", "a", true), one("web", "a", false), one("web", "b", false)];
        let names = Names { apps, ..Names::default() };
        assert_eq!(Named::App.candidates(&names, ""), ["api", "a/web", "b/web"]);
        assert_eq!(Named::App.candidates(&names, "a/"), ["a/api", "a/web", "b/web"]);
        assert_eq!(Named::Database.candidates(&names, ""), ["pg"]);
    }

    #[test]
    fn the_home_of_the_typed_line_counts() {
        let words = |line: &str| line.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(typed_home(&words("infrakt -- infrakt --home x app")), Some("x".into()));
        assert_eq!(typed_home(&words("infrakt -- infrakt --home=x app")), Some("x".into()));
        assert_eq!(typed_home(&words("infrakt -- infrakt app --home")), None);
    }
}
