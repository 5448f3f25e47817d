//! Whether a stored app can be put on its server. What is written here was checked before; the first release's program lets more in,
//! and what it wrote is kept and shown as it is.

use super::{ServiceError, apps};
use crate::domain::app::{App, Source};
use crate::domain::name::{self, BadName};
use crate::domain::server::Server;
use crate::store::{Conn, apps as app_rows, servers};

/// Says the first thing that stands in the way, and how it is changed.
pub(super) fn check(conn: &mut Conn, app: &App) -> Result<(), ServiceError> {
    let name = shown(&app.name);
    let same = app_rows::find_by_name(conn, &app.name)?.len() > 1;
    let short = if same { format!("{}/{name}", shown(&app.server_name)) } else { name };
    let edit = |flag: &str| format!("`infrakt app edit {short} {flag}`");
    let refuse = |bad: BadName, hint: String| ServiceError::Refused {
        code: "app_unusable",
        text: format!("`{}` cannot be deployed as it is recorded: {bad}", shown(&app.name)),
        hint: Some(hint),
    };
    let taken = |error: ServiceError| match error {
        ServiceError::DomainTaken { .. } => {
            ServiceError::Refused { code: "domain_taken", text: error.to_string(), hint: Some(edit("--domain DOMAIN")) }
        }
        error => error,
    };
    let keeps = || "an app keeps its name: record it anew with `infrakt app create`".to_owned();
    name::check_name("name", &app.name).map_err(|bad| refuse(bad, keeps()))?;
    if app.resources.port == 0 {
        let bad = BadName { field: "port", reason: "is none between 1 and 65535".to_owned() };
        return Err(refuse(bad, edit("--port PORT")));
    }
    match &app.source {
        Source::Image { image } => name::check_image(image).map_err(|bad| refuse(bad, edit("--image REF")))?,
        Source::Git { url, branch, commit: _, login: _ } => {
            name::check_git_url(url).map_err(|bad| refuse(bad, edit("--git URL")))?;
            name::check_branch(branch).map_err(|bad| refuse(bad, edit("--branch BRANCH")))?;
        }
        Source::Compose if app.compose.is_none() => {
            let bad = BadName {
                field: "compose",
                reason: "is missing: there is no image, repository or compose file".to_owned(),
            };
            return Err(refuse(bad, edit("--compose FILE")));
        }
        Source::Compose => {}
    }
    for domain in &app.domains {
        name::check_domain(domain).map_err(|bad| refuse(bad, edit("--domain DOMAIN")))?;
    }
    apps::check_domains(conn, app.server_id, &app.server_name, Some(app.id), &app.domains).map_err(taken)?;
    match servers::find(conn, app.server_id)? {
        Some(server) => check_server(&server),
        None => Ok(()),
    }
}

pub(super) fn check_server(server: &Server) -> Result<(), ServiceError> {
    let bad = match server.port {
        0 => Err(BadName { field: "port", reason: "is none between 1 and 65535".to_owned() }),
        _ => name::check_host(&server.host).and_then(|()| name::check_user(&server.user)),
    };
    bad.map_err(|bad| ServiceError::Refused {
        code: "server_unusable",
        text: format!("{} cannot be reached as it is recorded: {bad}", shown(&server.name)),
        hint: Some(format!("`infrakt server edit {} --host HOST --port PORT --user USER`", shown(&server.name))),
    })
}

/// A name on one line.
fn shown(name: &str) -> String {
    name.escape_debug().to_string()
}
