//! What is remembered of a database's volume when the database goes.

use crate::domain::app::{App, Source};
use crate::domain::database::{DbKind, KeptVolume, first_release_volumes, volume};
use crate::domain::job::{Job, JobKind};
use crate::store::{Conn, StoreError, apps, databases};

/// The volume that a database's end found on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundVolume {
    pub name: String,
    /// The image of its container; of one that infrakt itself made the row says what was asked for.
    pub image: Option<String>,
}

/// Before the rows go. A volume that stays is kept with what opens it; one that went is forgotten.
pub(crate) fn remember(conn: &mut Conn, now: i64, job: &Job, found: Option<&FoundVolume>) -> Result<(), StoreError> {
    let (JobKind::DbDestroy, Some(app_id)) = (job.kind, job.app_id) else { return Ok(()) };
    let Some(app) = apps::find(conn, app_id)? else { return Ok(()) };
    let with_data = serde_json::from_str(&job.args).is_ok_and(|args: serde_json::Value| args["volumes"] == true);
    if with_data {
        databases::forget(conn, app.server_id, &volume(&app.name))?;
        let others = first_release_volumes(&app.name);
        return others.iter().try_for_each(|name| databases::forget(conn, app.server_id, name));
    }
    let (Some(kind), Some(found)) = (DbKind::of_app(&app), found) else { return Ok(()) };
    let Some(password_sealed) = databases::password(conn, app.id)? else { return Ok(()) };
    let kept = KeptVolume {
        server_id: app.server_id,
        volume: found.name.clone(),
        kind,
        image: image(&app, kind, found),
        password_sealed,
        kept_at: now,
    };
    databases::keep(conn, &kept)
}

fn image(app: &App, kind: DbKind, found: &FoundVolume) -> String {
    match &app.source {
        Source::Image { image } => image.clone(),
        Source::Git { .. } | Source::Compose => found.image.clone().unwrap_or_else(|| kind.default_image().to_owned()),
    }
}
