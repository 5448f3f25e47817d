//! Whether the database's disk has room: a full one SQLite often only calls an I/O error, where its shared memory does not fit.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Less than a transaction and its index may need.
const ROOM_BYTES: u64 = 64 * 1024;

/// False also where nobody can say.
pub(super) fn is_full(path: &Path) -> bool {
    let dir = path.parent().unwrap_or(path);
    let Ok(name) = std::ffi::CString::new(dir.as_os_str().as_bytes()) else { return false };
    // SAFETY: statvfs only writes into the struct, which is plain data for which zeroes are valid.
    let mut info: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: `name` ends with NUL and `info` lives through the call.
    let told = unsafe { libc::statvfs(name.as_ptr(), &mut info) } == 0;
    let room = info.f_bavail.saturating_mul(info.f_frsize);
    told && room < ROOM_BYTES
}
