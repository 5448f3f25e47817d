//! What is written about the commands, made from the command line's own tree: man pages, and the reference page of the documents.

use super::exit::{self, DONE, Done, Stop};
use super::{Cli, Ctx, GLOBAL};
use clap::{Arg, Args, Command, CommandFactory, ValueEnum};
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Man {
    /// Where the pages go
    dir: PathBuf,
}

#[derive(Serialize)]
struct Pages {
    dir: String,
    pages: Vec<String>,
}

/// One page a command, named as git names its own: `infrakt-app-deploy.1`.
pub fn man(ctx: &Ctx, asked: &Man) -> Done {
    let pages = pages(&asked.dir).map_err(|error| {
        Stop::new(exit::FAILED, format!("cannot write the pages to {}: {error}", asked.dir.display()))
    })?;
    let dir = asked.dir.display().to_string();
    if ctx.out.json {
        ctx.out.document(&Pages { dir, pages })?;
    } else {
        ctx.out.line(format!("{} in {dir}", super::text::count(pages.len() as i64, "page")))?;
    }
    Ok(DONE)
}

fn pages(dir: &Path) -> std::io::Result<Vec<String>> {
    std::fs::create_dir_all(dir)?;
    let mut pages = Vec::new();
    each(&tree(), &mut |command| {
        let man = clap_mangen::Man::new(command.clone()).manual("infrakt").source(env!("INFRAKT_VERSION"));
        pages.push(man.get_filename());
        man.generate_to(dir).map(drop)
    })?;
    Ok(pages)
}

#[derive(Args)]
pub struct Reference {
    /// Which one: the commands', or the HTTP API's
    #[arg(value_enum, default_value_t = Page::Commands)]
    page: Page,
}

#[derive(Clone, Copy, ValueEnum)]
enum Page {
    Commands,
    Openapi,
}

/// The whole reference as Markdown; of the API as OpenAPI.
pub fn reference(ctx: &Ctx, asked: &Reference) -> Done {
    let text = match asked.page {
        Page::Commands => markdown(&tree()),
        Page::Openapi => {
            let failed = |error| Stop::new(exit::FAILED, format!("cannot write the description: {error}"));
            crate::http::openapi::text().map_err(failed)?
        }
    };
    ctx.out.raw(text.as_bytes())?;
    Ok(DONE)
}

fn tree() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

/// The command and all below it that are not hidden, in the order of the help.
fn each<E>(command: &Command, work: &mut impl FnMut(&Command) -> Result<(), E>) -> Result<(), E> {
    work(command)?;
    command.get_subcommands().filter(|inner| !inner.is_hide_set()).try_for_each(|inner| each(inner, work))
}

const HEAD: &str = "\
# Commands

Made from the program itself, as its `--help` says it; `tests/documents.rs` holds it. Exit codes, environment variables and `--json` are
explained in [json.md](json.md).
";

fn markdown(root: &Command) -> String {
    let mut page = HEAD.to_owned();
    let globals: Vec<&Arg> = root.get_arguments().filter(|arg| arg.is_global_set() && !arg.is_hide_set()).collect();
    list(&mut page, GLOBAL, &globals);
    let Ok(()) = each(root, &mut |command| {
        section(&mut page, command);
        Ok::<_, std::convert::Infallible>(())
    });
    page
}

fn section(page: &mut String, command: &Command) {
    // Only the name of the whole has no blank: it is what the page is about.
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let _ = write!(page, "\n## {name}\n");
    if let Some(about) = command.get_long_about().or(command.get_about()) {
        let _ = write!(page, "\n{about}\n");
    }
    let usage = command.clone().render_usage().to_string();
    let _ = write!(page, "\n```text\n{}\n```\n", usage.trim_start_matches("Usage: ").trim_end());
    let own = |arg: &&Arg| !arg.is_hide_set() && !arg.is_global_set() && !says_and_ends(arg);
    let (arguments, options): (Vec<&Arg>, Vec<&Arg>) =
        command.get_arguments().filter(own).partition(|arg| arg.is_positional());
    list(page, "Arguments", &arguments);
    list(page, "Options", &options);
    let inner: Vec<&Command> = command.get_subcommands().filter(|inner| !inner.is_hide_set()).collect();
    if !inner.is_empty() {
        page.push_str("\nCommands:\n\n");
    }
    for inner in inner {
        let full = inner.get_bin_name().unwrap_or(inner.get_name());
        let about = inner.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(page, "- [{}](#{}): {about}", inner.get_name(), full.replace(' ', "-"));
    }
    if let Some(after) = command.get_after_long_help().or(command.get_after_help()) {
        let _ = write!(page, "\n{after}\n");
    }
}

/// `--help`, and the version of infrakt itself: not the `--version` of a database.
fn says_and_ends(arg: &Arg) -> bool {
    use clap::ArgAction::{Help, HelpLong, HelpShort, Version};
    matches!(arg.get_action(), Help | HelpShort | HelpLong | Version)
}

fn list(page: &mut String, title: &str, args: &[&Arg]) {
    if args.is_empty() {
        return;
    }
    let _ = write!(page, "\n{title}:\n\n");
    for arg in args {
        let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
        let colon = if help.is_empty() { "" } else { ": " };
        let _ = writeln!(page, "- `{}`{colon}{}{}", spelling(arg), escaped(&help), defaults(arg));
        for value in arg.get_possible_values().iter().filter(|value| !value.is_hide_set()) {
            let help = value.get_help().map(ToString::to_string).unwrap_or_default();
            // A flag's true and false explain nothing.
            if arg.get_action().takes_values() {
                let colon = if help.is_empty() { "" } else { ": " };
                let _ = writeln!(page, "  - `{}`{colon}{}", value.get_name(), escaped(&help));
            }
        }
    }
}

/// `-n, --lines <LINES>`, `[KEY=VALUE]...`
fn spelling(arg: &Arg) -> String {
    let shown = arg.to_string();
    match (arg.get_short(), arg.get_long()) {
        (Some(short), Some(_)) => format!("-{short}, {shown}"),
        _ => shown,
    }
}

fn defaults(arg: &Arg) -> String {
    let mut said = String::new();
    let values: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if !values.is_empty() && arg.get_action().takes_values() && !arg.is_hide_default_value_set() {
        let _ = write!(said, " (default: `{}`)", values.join(" "));
    }
    if let Some(variable) = arg.get_env().filter(|_| !arg.is_hide_env_set()) {
        let _ = write!(said, " (variable: `{}`)", variable.to_string_lossy());
    }
    said
}

/// Help is plain text: what Markdown would take for a tag is not one. Within backticks it takes nothing.
fn escaped(help: &str) -> String {
    let mut pieces: Vec<String> = help.replace('\n', " ").split('`').map(str::to_owned).collect();
    pieces.iter_mut().step_by(2).for_each(|piece| *piece = piece.replace('<', "\\<").replace('[', "\\["));
    pieces.join("`")
}
