//! `infrakt init`: makes the home.

use super::Ctx;
use super::exit::{DONE, Done};
use serde::Serialize;

#[derive(Serialize)]
struct Made {
    home: String,
    created: bool,
}

pub fn run(ctx: &Ctx) -> Done {
    let created = !ctx.home()?.db().exists();
    let service = ctx.service()?;
    service.prepare_key()?;
    service.first_key()?;
    let home = service.home().dir().display().to_string();
    if ctx.out.json {
        ctx.out.document(&Made { home, created })?;
    } else if created {
        ctx.out.line(format!("made {home}"))?;
    } else {
        ctx.out.line(format!("{home} is there already"))?;
    }
    Ok(DONE)
}
