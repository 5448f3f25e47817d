//! Servers: the first release's table and what lies beside it.

use super::conn::Conn;
use super::error::StoreError;
use super::page::Page;
use super::sql::{self, from_row, values};
use super::text_time;
use crate::domain::server::{HostKey, NewServer, Server, ServerStatus};

const SELECT: &str =
    "SELECT s.id, s.name, s.host, s.port, s.user, s.ssh_key_path, s.status, s.provider, s.created_at, s.updated_at,
    x.host_key_type, x.host_key_sha256, x.last_seen_at, x.last_error, x.facts
    FROM servers s LEFT JOIN server_ext x ON x.server_id = s.id";

from_row!(Server, |row| {
    let key_type = sql::opt_text(row, "host_key_type")?;
    let fingerprint = sql::opt_text(row, "host_key_sha256")?;
    Server {
        id: sql::int(row, "id")?,
        name: sql::text(row, "name")?,
        host: sql::text(row, "host")?,
        port: sql::port(row, "port")?,
        user: sql::text(row, "user")?,
        // The first release's page writes what was left empty as an empty text.
        ssh_key_path: sql::opt_text(row, "ssh_key_path")?.filter(|path| !path.is_empty()),
        status: sql::parsed(row, "status")?,
        provider: sql::opt_text(row, "provider")?.filter(|text| !text.is_empty()),
        created_at: text_time::parse(&sql::text(row, "created_at")?)?,
        updated_at: text_time::parse(&sql::text(row, "updated_at")?)?,
        host_key: key_type.zip(fingerprint).map(|(key_type, fingerprint)| HostKey { key_type, fingerprint }),
        last_seen_at: sql::opt(row, "last_seen_at")?,
        last_error: sql::opt_text(row, "last_error")?,
        facts: sql::opt_text(row, "facts")?,
    }
});

/// Records a server as inactive. [`StoreError::Exists`] where the name is taken.
pub fn insert(conn: &mut Conn, now: i64, new: &NewServer) -> Result<i64, StoreError> {
    let time = text_time::seconds(now);
    let id = sql::number(
        conn,
        "INSERT INTO servers(name, host, port, user, ssh_key_path, status, provider, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8) RETURNING id AS n",
        values![
            &new.name,
            &new.host,
            new.port,
            &new.user,
            &new.ssh_key_path,
            ServerStatus::Inactive.as_str(),
            &new.provider,
            &time
        ],
    )?
    .unwrap_or_default();
    if let Some(key) = &new.host_key {
        set_host_key(conn, id, Some(key))?;
    }
    Ok(id)
}

pub fn find(conn: &mut Conn, id: i64) -> Result<Option<Server>, StoreError> {
    sql::row(conn, &format!("{SELECT} WHERE s.id = ?1"), values![id])
}

pub fn find_by_name(conn: &mut Conn, name: &str) -> Result<Option<Server>, StoreError> {
    sql::row(conn, &format!("{SELECT} WHERE s.name = ?1"), values![name])
}

/// By id, upwards.
pub fn list(conn: &mut Conn, page: Page) -> Result<Vec<Server>, StoreError> {
    sql::rows(conn, &format!("{SELECT} WHERE s.id > ?1 ORDER BY s.id LIMIT ?2"), values![page.above(), page.limit])
}

/// By name, upwards; `after`: the name of the last one before.
pub fn list_by_name(conn: &mut Conn, after: Option<&str>, limit: i64) -> Result<Vec<Server>, StoreError> {
    let behind = if after.is_some() { "WHERE s.name > ?1" } else { "" };
    sql::rows(conn, &format!("{SELECT} {behind} ORDER BY s.name LIMIT ?2"), values![after, limit])
}

/// Databases included.
pub fn app_count(conn: &mut Conn, id: i64) -> Result<i64, StoreError> {
    Ok(sql::number(conn, "SELECT count(*) AS n FROM apps WHERE server_id = ?1", values![id])?.unwrap_or_default())
}

/// How many servers there are, and how many with this status.
pub fn count(conn: &mut Conn, status: Option<ServerStatus>) -> Result<i64, StoreError> {
    let n = match status {
        None => sql::number(conn, "SELECT count(*) AS n FROM servers", &[])?,
        Some(status) => {
            sql::number(conn, "SELECT count(*) AS n FROM servers WHERE status = ?1", values![status.as_str()])?
        }
    };
    Ok(n.unwrap_or_default())
}

/// Replaces what a person may edit: name, host, port, user, key and provider, not status or pinned key. False: no such server.
/// [`StoreError::Exists`] where the name is taken.
pub fn update(conn: &mut Conn, now: i64, server: &Server) -> Result<bool, StoreError> {
    let touched = sql::execute(
        conn,
        "UPDATE servers SET host = ?2, port = coalesce(nullif(?3, 0), port), user = ?4, ssh_key_path = ?5, provider = ?6, updated_at = ?7, name = ?8
         WHERE id = ?1",
        values![
            server.id,
            &server.host,
            server.port,
            &server.user,
            &server.ssh_key_path,
            &server.provider,
            &text_time::seconds(now),
            &server.name
        ],
    )?;
    Ok(touched == 1)
}

pub fn set_status(conn: &mut Conn, now: i64, id: i64, status: ServerStatus) -> Result<bool, StoreError> {
    let touched = sql::execute(
        conn,
        "UPDATE servers SET status = ?2, updated_at = ?3 WHERE id = ?1",
        values![id, status.as_str(), &text_time::seconds(now)],
    )?;
    Ok(touched == 1)
}

/// Removes a server with its routes and ports. [`StoreError::Referenced`] while apps are there.
pub fn delete(conn: &mut Conn, id: i64) -> Result<bool, StoreError> {
    let touched = sql::execute(conn, "DELETE FROM servers WHERE id = ?1", values![id])?;
    sql::execute(conn, "DELETE FROM route WHERE server_id = ?1", values![id])?;
    sql::execute(conn, "DELETE FROM host_port WHERE server_id = ?1", values![id])?;
    sql::execute(conn, "DELETE FROM kept_volume WHERE server_id = ?1", values![id])?;
    Ok(touched == 1)
}

/// Pins a host key, or forgets it.
pub fn set_host_key(conn: &mut Conn, id: i64, key: Option<&HostKey>) -> Result<(), StoreError> {
    let (key_type, fingerprint) = (key.map(|k| k.key_type.as_str()), key.map(|k| k.fingerprint.as_str()));
    sql::execute(
        conn,
        "INSERT INTO server_ext(server_id, host_key_type, host_key_sha256) VALUES (?1, ?2, ?3)
         ON CONFLICT (server_id) DO UPDATE SET host_key_type = excluded.host_key_type, host_key_sha256 = excluded.host_key_sha256",
        values![id, key_type, fingerprint],
    )?;
    Ok(())
}

/// Pins the key of a first contact. False: another one was pinned before, and stays.
pub fn pin_first_host_key(conn: &mut Conn, id: i64, key: &HostKey) -> Result<bool, StoreError> {
    let touched = sql::execute(
        conn,
        "INSERT INTO server_ext(server_id, host_key_type, host_key_sha256) VALUES (?1, ?2, ?3)
         ON CONFLICT (server_id) DO UPDATE SET host_key_type = excluded.host_key_type, host_key_sha256 = excluded.host_key_sha256
         WHERE server_ext.host_key_sha256 IS NULL",
        values![id, &key.key_type, &key.fingerprint],
    )?;
    Ok(touched == 1)
}

/// The server answered: what was wrong before is over.
pub fn seen(conn: &mut Conn, id: i64, at: i64) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO server_ext(server_id, last_seen_at, last_error) VALUES (?1, ?2, NULL)
         ON CONFLICT (server_id) DO UPDATE SET last_seen_at = excluded.last_seen_at, last_error = NULL",
        values![id, at],
    )?;
    Ok(())
}

/// The server did not answer, or not as it should.
pub fn not_seen(conn: &mut Conn, id: i64, error: &str) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO server_ext(server_id, last_error) VALUES (?1, ?2)
         ON CONFLICT (server_id) DO UPDATE SET last_error = excluded.last_error",
        values![id, error],
    )?;
    Ok(())
}

/// JSON: what was found there.
pub fn set_facts(conn: &mut Conn, id: i64, facts: &str) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO server_ext(server_id, facts) VALUES (?1, ?2) ON CONFLICT (server_id) DO UPDATE SET facts = excluded.facts",
        values![id, facts],
    )?;
    Ok(())
}
