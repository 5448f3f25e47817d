//! What managed databases have beyond an app's rows: their sealed passwords, and the volumes that outlive them.

use super::conn::Conn;
use super::error::StoreError;
use super::sql::{self, from_row, values};
use crate::domain::database::{DbKind, KeptVolume};

from_row!(KeptVolume, |row| KeptVolume {
    server_id: sql::int(row, "server_id")?,
    volume: sql::text(row, "volume")?,
    kind: sql::parsed(row, "db_type")?,
    image: sql::text(row, "image")?,
    password_sealed: sql::text(row, "password_sealed")?,
    kept_at: sql::int(row, "kept_at")?,
});

/// Makes an app that was just recorded a database.
pub fn mark(conn: &mut Conn, app_id: i64, kind: DbKind) -> Result<(), StoreError> {
    sql::execute(conn, "UPDATE apps SET app_type = ?2 WHERE id = ?1", values![app_id, &kind.app_type()])?;
    Ok(())
}

/// False: the first release made it, or recorded it at least. Its files and its volume are called otherwise.
pub fn is_made_here(conn: &mut Conn, app_id: i64) -> Result<bool, StoreError> {
    let text = "SELECT EXISTS (SELECT 1 FROM deployments d JOIN deployment_spec s ON s.deployment_id = d.id WHERE d.app_id = ?1) AS n";
    Ok(sql::number(conn, text, values![app_id])?.unwrap_or_default() > 0)
}

/// A Fernet token; none where this home does not know the password.
pub fn password(conn: &mut Conn, app_id: i64) -> Result<Option<String>, StoreError> {
    struct Token(Option<String>);
    from_row!(Token, |row| Token(sql::opt_text(row, "password_sealed")?));
    let row: Option<Token> = sql::row(conn, "SELECT password_sealed FROM app_ext WHERE app_id = ?1", values![app_id])?;
    Ok(row.and_then(|row| row.0))
}

/// `project`: of an app that the first release made, which has no row beside it yet.
pub fn set_password(conn: &mut Conn, app_id: i64, project: &str, sealed: &str) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO app_ext(app_id, compose_project) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        values![app_id, project],
    )?;
    sql::execute(conn, "UPDATE app_ext SET password_sealed = ?2 WHERE app_id = ?1", values![app_id, sealed])?;
    Ok(())
}

pub fn kept(conn: &mut Conn, server_id: i64, volume: &str) -> Result<Option<KeptVolume>, StoreError> {
    sql::row(conn, "SELECT * FROM kept_volume WHERE server_id = ?1 AND volume = ?2", values![server_id, volume])
}

/// Remembers a volume; what was known of one of that name is replaced.
pub fn keep(conn: &mut Conn, kept: &KeptVolume) -> Result<(), StoreError> {
    forget(conn, kept.server_id, &kept.volume)?;
    sql::execute(
        conn,
        "INSERT INTO kept_volume(server_id, volume, db_type, image, password_sealed, kept_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        values![kept.server_id, &kept.volume, kept.kind.as_str(), &kept.image, &kept.password_sealed, kept.kept_at],
    )?;
    Ok(())
}

pub fn forget(conn: &mut Conn, server_id: i64, volume: &str) -> Result<(), StoreError> {
    let text = "DELETE FROM kept_volume WHERE server_id = ?1 AND volume = ?2";
    sql::execute(conn, text, values![server_id, volume])?;
    Ok(())
}
