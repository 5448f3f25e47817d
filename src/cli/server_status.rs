//! What `infrakt server status` prints.

use super::Ctx;
use super::exit::{DONE, Done};
use super::out::Paint;
use super::table::{Cell, Table, print_fields};
use super::text;
use crate::service::contact::ServerStatus;
use crate::service::servers::{Part, Usage};

pub fn print(ctx: &Ctx, server: &ServerStatus) -> Done {
    let status = &server.status;
    let load = status.load.map(|load| format!("{load:.2}")).join(" ");
    let caddy = part(&status.services.caddy);
    print_fields(
        &ctx.out,
        &[
            ("server", Some(format!("{} ({})", server.name, server.host))),
            ("system", status.os.as_deref().map(text::tame)),
            ("uptime", Some(text::span(i64::try_from(status.uptime_s).unwrap_or(i64::MAX / 1000) * 1000))),
            ("load", Some(format!("{load} ({})", text::count(i64::from(status.cpu.total), "cpu")))),
            ("cpu", Some(format!("{}%", status.cpu.percent))),
            ("memory", Some(usage(&status.memory))),
            ("swap", (status.swap.total > 0).then(|| usage(&status.swap))),
            ("disk", Some(usage(&status.disk))),
            ("docker", Some(part(&status.services.docker))),
            ("compose", status.compose.as_deref().map(text::tame)),
            ("firewall", Some(part(&status.services.ufw))),
            ("caddy", Some(caddy)),
            ("fail2ban", Some(part(&status.services.fail2ban))),
            ("restart", status.reboot_required.then(|| "the system asks for a reboot".to_owned())),
        ],
    )?;
    if !status.containers.is_empty() {
        ctx.out.line("")?;
        let mut table = Table::new(&["CONTAINER", "APP", "IMAGE", "STATUS"]);
        for container in &status.containers {
            let paint = if container.state == "running" { Paint::Good } else { Paint::Bad };
            table.row(vec![
                text::tame(&container.name).into(),
                text::tame(container.app.as_deref().unwrap_or("-")).into(),
                text::tame(&container.image).into(),
                Cell::painted(text::tame(&container.status), paint),
            ]);
        }
        table.print(&ctx.out)?;
    }
    Ok(DONE)
}

pub fn part(part: &Part) -> String {
    let (word, version) = match part {
        Part::Missing => ("not installed", &None),
        Part::Down { version } => ("down", version),
        Part::Up { version } => ("up", version),
    };
    match version {
        Some(version) => format!("{word} ({})", text::tame(version)),
        None => word.to_owned(),
    }
}

fn usage(usage: &Usage) -> String {
    format!("{} of {} ({}%)", bytes(usage.used), bytes(usage.total), usage.percent)
}

fn bytes(n: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut size, mut unit) = (n as f64, 0);
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 || size >= 100.0 { format!("{size:.0} {}", units[unit]) } else { format!("{size:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let said = [0, 1023, 1536, 5_368_709_120, 214_748_364_800].map(bytes);
        assert_eq!(said, ["0 B", "1023 B", "1.5 KiB", "5.0 GiB", "200 GiB"]);
    }
}
