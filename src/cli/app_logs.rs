//! `infrakt app logs`: what an app's containers print, as it is into a pipe, and without escapes on a terminal.

use super::app_work::AppArg;
use super::exit::{DONE, Done, Stop};
use super::out::reader_gone;
use super::signals::Interrupt;
use super::{Ctx, ask, text};
use crate::service::app_reads::LogRequest;
use crate::ssh::Piece;
use clap::Args;
use serde_json::json;
use tokio::sync::mpsc;

#[derive(Args)]
pub struct Logs {
    #[command(flatten)]
    app: AppArg,
    /// Go on with what comes
    #[arg(short, long)]
    follow: bool,
    /// How many of the last lines, of each container
    #[arg(short = 'n', long, default_value_t = 100)]
    lines: u32,
    /// Of this service only
    #[arg(long)]
    service: Option<String>,
}

pub fn run(ctx: &Ctx, logs: &Logs) -> Done {
    let named = logs.app.named()?;
    let request = LogRequest { lines: logs.lines, follow: logs.follow, service: logs.service.clone() };
    let service = ctx.service()?;
    ctx.block_on(async {
        let mut interrupt = Interrupt::listen()?;
        let gone = reader_gone();
        tokio::pin!(gone);
        let mut printer = Printer { ctx, follow: logs.follow, rest: Vec::new(), whole: Vec::new() };
        let (pieces, mut coming) = mpsc::channel(16);
        let work = ask::with_passphrase(&service, async || service.app_logs(&named, &request, pieces.clone()).await);
        tokio::pin!(work);
        let ended = loop {
            tokio::select! {
                // Heard also under a flood; and what has come is printed before its end is said.
                biased;
                () = interrupt.recv() => return Ok(DONE),
                () = &mut gone => return Err(Stop::PipeClosed),
                Some(piece) = coming.recv() => printer.take(&piece)?,
                ended = &mut work => break ended,
            }
        };
        while let Ok(piece) = coming.try_recv() {
            printer.take(&piece)?;
        }
        printer.finish()?;
        ended?;
        if ctx.out.json && !logs.follow {
            let app = service.app(&named)?;
            let text = String::from_utf8_lossy(&printer.whole).into_owned();
            ctx.out.document(&json!({ "app_name": app.name, "server_name": app.server_name, "logs": text }))?;
        } else if logs.follow {
            ctx.out.note(format!("no container of {named} runs any more"));
        }
        Ok(DONE)
    })?
}

struct Printer<'a> {
    ctx: &'a Ctx,
    follow: bool,
    /// A line that has not ended yet, where lines matter.
    rest: Vec<u8>,
    /// For the one document.
    whole: Vec<u8>,
}

impl Printer<'_> {
    fn take(&mut self, piece: &Piece) -> Result<(), Stop> {
        let Piece::Out(bytes) = piece else { return Ok(()) };
        let out = &self.ctx.out;
        match (out.json, self.follow) {
            (true, false) => self.whole.extend_from_slice(bytes),
            (false, _) if out.width.is_none() => out.raw(bytes)?,
            _ => {
                self.rest.extend_from_slice(bytes);
                while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = self.rest.drain(..=end).collect();
                    self.line(&line)?;
                }
            }
        }
        Ok(())
    }

    fn line(&self, line: &[u8]) -> Result<(), Stop> {
        let line = String::from_utf8_lossy(line);
        if self.ctx.out.json {
            self.ctx.out.event(&json!({ "event": "log", "text": line.trim_end_matches('\n') }))
        } else {
            self.ctx.out.line(text::tame(&line))
        }
    }

    fn finish(&mut self) -> Result<(), Stop> {
        match std::mem::take(&mut self.rest) {
            rest if rest.is_empty() => Ok(()),
            rest => self.line(&rest),
        }
    }
}
