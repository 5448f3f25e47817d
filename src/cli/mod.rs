//! The command line: one file per noun, one function per command. The only printer, and where the parts are put together.
//!
//! stdout is data, stderr is everything else; [`exit`] says how a command ends. Nothing is opened that a command does not need.

mod app;
mod app_logs;
mod app_show;
mod app_work;
mod ask;
mod completions;
mod db;
mod deployment;
mod doctor;
mod env;
mod exit;
mod follow;
mod init;
mod job;
mod key;
mod manual;
mod notify;
mod out;
mod owner;
mod pages;
mod proxy;
mod run;
mod serve;
mod server;
mod server_change;
mod server_status;
mod signals;
mod story;
mod table;
mod takeover;
mod text;
mod unit;
mod worker;

use crate::clock::{Clock, SystemClock};
use crate::config::{self, Home};
use crate::domain::secret::Secret;
use crate::logging;
use crate::service::Service;
use crate::ssh::Ssh;
use clap::{Args, Parser, Subcommand};
use exit::{Done, Stop};
use out::Out;
use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Where the flags that every command has stand in its help.
const GLOBAL: &str = "Global options";

/// Your own PaaS over SSH: servers, apps and a queue that survives everything.
#[derive(Parser)]
#[command(name = "infrakt", version = env!("INFRAKT_VERSION"), max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Global {
    /// The folder that holds everything (default: INFRAKT_HOME, else ~/.infrakt)
    #[arg(long, global = true, value_name = "DIR", help_heading = GLOBAL)]
    home: Option<PathBuf>,
    /// Print JSON with stable keys
    #[arg(long, global = true, help_heading = GLOBAL)]
    json: bool,
    /// Say more on stderr; twice, thrice: more yet
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = GLOBAL)]
    verbose: u8,
    /// Answer questions with yes
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    yes: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Make the home folder
    Init,
    /// Machines reached over SSH
    #[command(subcommand)]
    Server(server::Command),
    /// What is deployed on servers
    #[command(subcommand)]
    App(app::Command),
    /// Attempts to put an app on its server
    #[command(subcommand)]
    Deployment(deployment::Command),
    /// Domains, and the web server that leads them to apps
    #[command(subcommand)]
    Proxy(proxy::Command),
    /// Environments of apps
    #[command(subcommand)]
    Env(env::Command),
    /// Managed databases
    #[command(subcommand)]
    Db(db::Command),
    /// Durable work: what waits, runs and has ended
    #[command(subcommand)]
    Job(job::Command),
    /// Run jobs, until it is told to end
    Worker(worker::Worker),
    /// Serve the HTTP API and the web page, and run jobs, until it is told to end
    Serve(serve::Serve),
    /// Keys of the HTTP API
    #[command(subcommand)]
    Key(key::Command),
    /// Print an address that logs a browser into the web page
    Ui(key::Ui),
    /// Look for what is wrong with the home and its servers, and say what to do
    Doctor(doctor::Doctor),
    /// Print what makes a shell complete commands, and the names of servers and apps
    Completions(completions::Completions),
    /// Write the manual's pages
    #[command(hide = true)]
    Man(manual::Man),
    /// Print the reference of all commands, or the description of the HTTP API
    #[command(hide = true)]
    Reference(manual::Reference),
}

/// What every command gets.
pub(crate) struct Ctx {
    pub out: Out,
    pub yes: bool,
    pub verbose: u8,
    home: Option<PathBuf>,
    pub clock: Arc<dyn Clock>,
}

impl Ctx {
    pub fn home(&self) -> Result<Home, Stop> {
        Ok(Home::resolve(self.home.clone())?)
    }

    /// Opens the home, and makes it where it is missing.
    pub fn service(&self) -> Result<Service, Stop> {
        self.service_with(config::ssh_passphrase().map(Secret::new))
    }

    pub fn service_with(&self, passphrase: Option<Secret<String>>) -> Result<Service, Stop> {
        let service = Service::open(self.home()?, self.clock.clone(), Ssh::start(), passphrase)?;
        if let Some(taken) = service.taken_over() {
            takeover::say(&self.out, service.home(), taken);
        }
        Ok(service)
    }

    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Runs something that talks to a server. Commands that do not, start no runtime.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> Result<T, Stop> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Stop::new(exit::FAILED, format!("cannot start the runtime: {error}")))?;
        Ok(runtime.block_on(work))
    }

    fn logging(&self) -> logging::Options {
        logging::Options {
            filter: config::log_filter(),
            verbose: self.verbose,
            json: config::log_json(),
            color: !config::no_color() && std::io::IsTerminal::is_terminal(&std::io::stderr()),
        }
    }
}

pub fn main() -> ExitCode {
    close_files_to_others();
    say_faults_plainly();
    if completions::answer() {
        return ExitCode::from(exit::DONE);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are data; that nobody reads them any more is no failure.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::DONE });
        }
    };
    let ctx = Ctx {
        out: Out::new(cli.global.json),
        yes: cli.global.yes,
        verbose: cli.global.verbose,
        home: cli.global.home,
        clock: Arc::new(SystemClock),
    };
    let code = match run(&ctx, cli.command) {
        Ok(code) => code,
        Err(stop) => say(&ctx.out, stop),
    };
    ExitCode::from(code)
}

fn run(ctx: &Ctx, command: Command) -> Done {
    match command {
        Command::Worker(worker) => {
            logging::init(&ctx.logging().at_least_info())?;
            worker::run(ctx, worker)
        }
        Command::Serve(asked) => {
            let options = ctx.logging().at_least_info();
            logging::init(&logging::Options { json: options.json || asked.logs_json(), ..options })?;
            serve::run(ctx, asked)
        }
        command => {
            logging::init(&ctx.logging())?;
            match command {
                Command::Init => init::run(ctx),
                Command::Server(command) => server::run(ctx, command),
                Command::App(command) => app::run(ctx, command),
                Command::Deployment(command) => deployment::run(ctx, command),
                Command::Proxy(command) => proxy::run(ctx, command),
                Command::Env(command) => env::run(ctx, command),
                Command::Db(command) => db::run(ctx, command),
                Command::Job(command) => job::run(ctx, command),
                Command::Worker(worker) => worker::run(ctx, worker),
                Command::Serve(asked) => serve::run(ctx, asked),
                Command::Key(command) => key::run(ctx, command),
                Command::Ui(asked) => key::ui(ctx, &asked),
                Command::Doctor(asked) => doctor::run(ctx, &asked),
                Command::Completions(asked) => completions::run(ctx, &asked),
                Command::Man(asked) => manual::man(ctx, &asked),
                Command::Reference(asked) => manual::reference(ctx, &asked),
            }
        }
    }
}

fn say(out: &Out, stop: Stop) -> u8 {
    match stop {
        Stop::Error { exit, text, hint } => {
            out.error(text);
            if let Some(hint) = hint {
                out.hint(hint);
            }
            exit
        }
        Stop::PipeClosed => exit::DONE,
        Stop::Quiet(exit) => exit,
    }
}

/// Whatever this process and its libraries create is for its user alone.
fn close_files_to_others() {
    // SAFETY: it sets a number of this process; no other thread runs yet.
    unsafe { libc::umask(0o077) };
}

/// A panic is a fault of ours: said in one line, without a backtrace.
fn say_faults_plainly() {
    std::panic::set_hook(Box::new(|info| {
        let what = info
            .payload()
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| info.payload().downcast_ref::<String>().cloned())
            .unwrap_or_default();
        let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        let text = format!("error: a fault in infrakt itself, at {place}: {what}\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), text.as_bytes());
    }));
}
