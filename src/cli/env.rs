//! `infrakt env …`: environments of apps.

use super::Ctx;
use super::app_work::AppArg;
use super::exit::{self, DONE, Done, Stop};
use super::run::{Waiting, after_enqueue};
use super::table::Table;
use super::text;
use crate::config;
use crate::domain::secret::Secret;
use crate::service::apps::AppRef;
use crate::service::env::{self, EnvView, MASK};
use clap::Subcommand;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

#[derive(Subcommand)]
pub enum Command {
    /// Set variables, all or none; the next deploy puts them on the server
    Set {
        /// The app: NAME or SERVER/NAME
        app: String,
        /// KEY=VALUE; KEY=- reads the value from stdin
        #[arg(value_name = "KEY=VALUE", required_unless_present = "file")]
        pairs: Vec<String>,
        /// Read pairs from a .env file; `-` is stdin
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The server, where the app's name stands on several
        #[arg(long)]
        server: Option<String>,
    },
    /// Print a value
    Get {
        /// The app: NAME or SERVER/NAME
        app: String,
        key: String,
        /// The server, where the app's name stands on several
        #[arg(long)]
        server: Option<String>,
    },
    /// List variables, values masked
    List {
        /// The app: NAME or SERVER/NAME
        app: String,
        /// Show the values
        #[arg(long, alias = "show-values")]
        show: bool,
        /// The server, where the app's name stands on several
        #[arg(long)]
        server: Option<String>,
    },
    /// Put the environment on the server and make the containers anew whose environment changed
    Push {
        #[command(flatten)]
        app: AppArg,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Set the variables of a .env file, all or none
    Import {
        /// The app: NAME or SERVER/NAME
        app: String,
        /// The file; `-` is stdin
        #[arg(default_value = "-")]
        file: PathBuf,
        /// The server, where the app's name stands on several
        #[arg(long)]
        server: Option<String>,
    },
    /// Print the variables as a .env file, values in clear
    Export {
        #[command(flatten)]
        app: AppArg,
        /// Into a file for you alone
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Delete variables, all or none
    Delete {
        /// The app: NAME or SERVER/NAME
        app: String,
        #[arg(required = true)]
        keys: Vec<String>,
        /// The server, where the app's name stands on several
        #[arg(long)]
        server: Option<String>,
    },
}

pub fn run(ctx: &Ctx, command: Command) -> Done {
    match command {
        Command::Set { app, pairs, file, server } => set(ctx, &app, &pairs, file, server.as_deref()),
        Command::Get { app, key, server } => get(ctx, &app, &key, server.as_deref()),
        Command::List { app, show, server } => list(ctx, &app, show, server.as_deref()),
        Command::Import { app, file, server } => set(ctx, &app, &[], Some(file), server.as_deref()),
        Command::Export { app, output } => export(ctx, &app.named()?, output.as_deref()),
        Command::Push { app, waiting } => push(ctx, &app.named()?, &waiting),
        Command::Delete { app, keys, server } => delete(ctx, &app, &keys, server.as_deref()),
    }
}

fn set(ctx: &Ctx, app: &str, words: &[String], file: Option<PathBuf>, server: Option<&str>) -> Done {
    let named = AppRef::parse(app, server)?;
    let pairs = pairs(words, file)?;
    let (app, keys) = ctx.service()?.env_set(&named, pairs)?;
    if ctx.out.json {
        let masked: Vec<EnvView> = keys.into_iter().map(|key| EnvView { key, value: MASK.to_owned() }).collect();
        ctx.out.document(&masked)?;
    } else {
        let count = text::count(keys.len() as i64, "variable");
        ctx.out.line(format!("{count} set for {}: {}", app.name, keys.join(", ")))?;
        ctx.out.hint(format!("`infrakt app deploy {named}` puts it on {}", app.server_name));
    }
    Ok(DONE)
}

/// A file's pairs first, then those of the command line: the nearer word counts.
fn pairs(words: &[String], file: Option<PathBuf>) -> Result<Vec<(String, Secret<String>)>, Stop> {
    let from_stdin = words.iter().filter(|word| word.ends_with("=-")).count() + usize::from(is_stdin(&file));
    if from_stdin > 1 {
        return Err(Stop::usage("stdin can be read once"));
    }
    let mut pairs = match &file {
        None => Vec::new(),
        Some(path) => {
            let text = if is_stdin(&file) { stdin()? } else { read(path)? };
            env::parse_file(&text)?
        }
    };
    for word in words {
        let Some((key, value)) = word.split_once('=') else {
            return Err(Stop::usage(format!("`{word}` is no KEY=VALUE")));
        };
        let value = if value == "-" { stdin()? } else { value.to_owned() };
        pairs.push((key.to_owned(), Secret::new(value)));
    }
    if pairs.is_empty() && file.is_some() {
        return Err(Stop::usage("the file has no variables"));
    }
    if pairs.is_empty() {
        return Err(Stop::usage("there is nothing to set"));
    }
    Ok(pairs)
}

fn is_stdin(file: &Option<PathBuf>) -> bool {
    file.as_ref().is_some_and(|path| path.as_os_str() == "-")
}

fn stdin() -> Result<String, Stop> {
    let mut text = String::new();
    match std::io::stdin().lock().read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Stop::new(exit::FAILED, format!("cannot read stdin as text: {error}"))),
    }
}

fn read(path: &PathBuf) -> Result<String, Stop> {
    std::fs::read_to_string(path)
        .map_err(|error| Stop::new(exit::FAILED, format!("cannot read {}: {error}", path.display())))
}

fn get(ctx: &Ctx, app: &str, key: &str, server: Option<&str>) -> Done {
    let app = AppRef::parse(app, server)?;
    let value = ctx.service()?.env_get(&app, key)?;
    if ctx.out.json {
        ctx.out.document(&EnvView { key: key.to_owned(), value: value.into_inner() })?;
    } else {
        ctx.out.line(value.expose())?;
    }
    Ok(DONE)
}

fn list(ctx: &Ctx, app: &str, show: bool, server: Option<&str>) -> Done {
    let app = AppRef::parse(app, server)?;
    let (app, vars) = ctx.service()?.env_list(&app, show)?;
    if ctx.out.json {
        ctx.out.document(&vars)?;
    } else if vars.is_empty() {
        ctx.out.note(format!("{} has no variables", app.name));
    } else {
        let mut table = Table::new(&["KEY", "VALUE"]);
        for var in vars {
            table.row(vec![var.key.into(), shown(&var.value).into()]);
        }
        table.print(&ctx.out)?;
    }
    Ok(DONE)
}

/// What `env import` and docker compose read back exactly.
fn export(ctx: &Ctx, app: &AppRef, output: Option<&Path>) -> Done {
    let (app, text) = ctx.service()?.env_export(app)?;
    match output {
        Some(path) => {
            write_alone(path, text.expose().as_bytes())
                .map_err(|error| Stop::new(exit::FAILED, format!("cannot write {}: {error}", path.display())))?;
            if ctx.out.json {
                ctx.out.document(&json!({ "file": path }))?;
            } else {
                ctx.out.line(format!("the environment of {} is in {}", app.name, path.display()))?;
            }
        }
        None if ctx.out.json => ctx.out.document(&json!({ "app_name": app.name, "dotenv": text.expose() }))?,
        None => ctx.out.raw(text.expose().as_bytes())?,
    }
    Ok(DONE)
}

/// Whole or not at all, and readable for its owner only, whoever could read the file before.
fn write_alone(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let name = path.file_name().ok_or_else(|| std::io::Error::other("it is no file"))?;
    let beside = path.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    });
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// On one line: what would break it is written as JSON writes it.
fn shown(value: &str) -> String {
    if value.chars().any(char::is_control) { json!(value).to_string() } else { value.to_owned() }
}

fn push(ctx: &Ctx, app: &AppRef, waiting: &Waiting) -> Done {
    let how = waiting.decide(true)?;
    let service = ctx.service()?;
    let (enqueued, count) = service.env_push(app, &config::requested_by())?;
    if !ctx.out.json {
        ctx.out.note(format!("{} for {app}", text::count(count as i64, "variable")));
    }
    after_enqueue(ctx, &service, &enqueued, how)
}

fn delete(ctx: &Ctx, app: &str, keys: &[String], server: Option<&str>) -> Done {
    let app = AppRef::parse(app, server)?;
    let app = ctx.service()?.env_delete(&app, keys)?;
    if ctx.out.json {
        ctx.out.document(&json!({ "deleted": keys }))?;
    } else {
        ctx.out.line(format!("{} deleted from {}", keys.join(", "), app.name))?;
    }
    Ok(DONE)
}
