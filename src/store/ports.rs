//! Loopback ports of a server's apps: drawn at random, remembered here. Two homes on one server know nothing of each other's.

use super::conn::Conn;
use super::error::StoreError;
use super::sql::{self, values};
use rand::Rng;

/// Above the registered services people run by hand, below the kernel's ephemeral ports (32768).
pub const FIRST_PORT: u16 = 20000;
pub const LAST_PORT: u16 = 29999;

/// The role of an app's one loopback port.
pub const MAIN: &str = "main";

/// The port an app has under a role (`main`), if one was drawn.
pub fn find(conn: &mut Conn, app_id: i64, role: &str) -> Result<Option<u16>, StoreError> {
    let port = sql::number(
        conn,
        "SELECT port AS n FROM host_port WHERE app_id = ?1 AND role = ?2 ORDER BY port LIMIT 1",
        values![app_id, role],
    )?;
    Ok(port.and_then(|p| u16::try_from(p).ok()))
}

/// The app's port under this role, drawn now if it has none.
pub fn find_or_draw(conn: &mut Conn, server_id: i64, app_id: i64, role: &str) -> Result<u16, StoreError> {
    match find(conn, app_id, role)? {
        Some(port) => Ok(port),
        None => draw(conn, server_id, app_id, role, None),
    }
}

/// Another one than it has: that one turned out to be taken by someone else on the server.
pub fn redraw(conn: &mut Conn, server_id: i64, app_id: i64, role: &str) -> Result<u16, StoreError> {
    let taken = find(conn, app_id, role)?;
    sql::execute(conn, "DELETE FROM host_port WHERE app_id = ?1 AND role = ?2", values![app_id, role])?;
    draw(conn, server_id, app_id, role, taken)
}

/// Ports drawn on this server, in order.
pub fn of_server(conn: &mut Conn, server_id: i64) -> Result<Vec<u16>, StoreError> {
    struct Port(u16);
    sql::from_row!(Port, |row| Port(sql::int(row, "port")?));
    let ports: Vec<Port> =
        sql::rows(conn, "SELECT port FROM host_port WHERE server_id = ?1 ORDER BY port", values![server_id])?;
    Ok(ports.into_iter().map(|p| p.0).collect())
}

fn draw(conn: &mut Conn, server_id: i64, app_id: i64, role: &str, not: Option<u16>) -> Result<u16, StoreError> {
    let taken = of_server(conn, server_id)?;
    let free: Vec<u16> =
        (FIRST_PORT..=LAST_PORT).filter(|p| Some(*p) != not && taken.binary_search(p).is_err()).collect();
    if free.is_empty() {
        return Err(StoreError::NoPortLeft);
    }
    let port = free[rand::rng().random_range(0..free.len())];
    sql::execute(
        conn,
        "INSERT INTO host_port(server_id, port, app_id, role) VALUES (?1, ?2, ?3, ?4)",
        values![server_id, port, app_id, role],
    )?;
    Ok(port)
}
