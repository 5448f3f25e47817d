//! `infrakt doctor`: what is wrong, and what to do about it.

use super::exit::{DONE, Done, FAILED};
use super::out::Paint;
use super::{Ctx, text};
use crate::domain::failure::without_numbers;
use crate::service::doctor::{self, Finding, Report};
use clap::Args;

#[derive(Args)]
pub struct Doctor {
    /// These servers only
    #[arg(value_name = "SERVER")]
    servers: Vec<String>,
}

pub fn run(ctx: &Ctx, asked: &Doctor) -> Done {
    let home = ctx.home()?;
    let mut findings = doctor::look_at_files(&home);
    let mut names = Vec::new();
    if home.db().exists() {
        match ctx.service() {
            Err(super::Stop::Error { text, hint, .. }) => {
                findings.push(Finding { server: None, code: "home".to_owned(), text, hint });
            }
            Err(stop) => return Err(stop),
            Ok(service) => {
                let servers = service.servers_to_look_at(&asked.servers)?;
                findings.extend(service.look_at_home()?);
                names.extend(servers.iter().map(|server| server.name.clone()));
                findings.extend(ctx.block_on(service.look_at_servers(servers))?);
            }
        }
    }
    for finding in &mut findings {
        finding.text = without_numbers(&finding.text);
    }
    let ok = findings.is_empty();
    let report = Report { home: home.dir().display().to_string(), ok, servers: names, findings };
    if ctx.out.json {
        ctx.out.document(&report)?
    } else {
        print(ctx, &report)?
    }
    Ok(if ok { DONE } else { FAILED })
}

fn print(ctx: &Ctx, report: &Report) -> Result<(), super::Stop> {
    for finding in &report.findings {
        let place = finding.server.as_deref().unwrap_or("home");
        ctx.out.line(format!("{}: {}", ctx.out.out(place, Paint::Strong), text::tame(&finding.text)))?;
        if let Some(hint) = &finding.hint {
            ctx.out.line(format!("  {} {}", ctx.out.out("hint:", Paint::Busy), text::tame(hint)))?;
        }
    }
    let servers = text::count(report.servers.len() as i64, "server");
    ctx.out.line(match report.findings.len() {
        0 => format!("all is well: {} and {servers}", report.home),
        found => format!("{} in {} and {servers}", text::count(found as i64, "finding"), report.home),
    })
}
