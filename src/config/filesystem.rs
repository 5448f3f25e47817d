//! Which file systems a home may lie on: SQLite's write-ahead log and file locks need a local one.

use std::path::Path;

/// Kinds whose locks or shared memory do not hold between processes or machines, by the number that statfs tells.
/// virtiofs shows FUSE's number.
const REFUSED: &[(u64, &str)] = &[
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xfe53_4d42, "SMB"),
    (0xff53_4d42, "SMB"),
    (0x6573_5546, "FUSE or virtiofs"),
    (0x0102_1997, "9p"),
    (0x786f_4256, "a VirtualBox share"),
    (0x5346_414f, "AFS"),
    (0x00c3_6400, "Ceph"),
    (0x7375_7245, "Coda"),
];

fn refused(magic: u64) -> Option<&'static str> {
    // The number is 32 bits wide; some systems hand it over with its sign.
    let magic = magic & 0xffff_ffff;
    REFUSED.iter().find(|(number, _)| *number == magic).map(|(_, kind)| *kind)
}

/// The kind of file system under `path` (which exists), if a home may not lie there.
#[cfg(target_os = "linux")]
pub(super) fn refused_kind(path: &Path) -> std::io::Result<Option<&'static str>> {
    use std::os::unix::ffi::OsStrExt;
    let name = std::ffi::CString::new(path.as_os_str().as_bytes())
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
    // SAFETY: statfs only writes into the struct, which is plain data for which zeroes are valid.
    let mut info: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: `name` ends with NUL and `info` lives through the call.
    if unsafe { libc::statfs(name.as_ptr(), &mut info) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(refused(info.f_type as u64))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn refused_kind(_path: &Path) -> std::io::Result<Option<&'static str>> {
    Ok(refused(0))
}

/// Bytes that people may still use on the file system of `path`, which exists.
pub fn free_bytes(path: &Path) -> std::io::Result<u64> {
    use std::os::unix::ffi::OsStrExt;
    let name = std::ffi::CString::new(path.as_os_str().as_bytes())
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
    // SAFETY: statvfs only writes into the struct, which is plain data for which zeroes are valid.
    let mut info: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: `name` ends with NUL and `info` lives through the call.
    if unsafe { libc::statvfs(name.as_ptr(), &mut info) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok((info.f_bavail as u64).saturating_mul(info.f_frsize as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_file_systems_pass_and_shared_ones_do_not() {
        for (magic, kind) in
            [(0x6969, "NFS"), (0xff53_4d42, "SMB"), (0x6573_5546, "FUSE or virtiofs"), (0x0102_1997, "9p")]
        {
            assert_eq!(refused(magic), Some(kind));
        }
        assert_eq!(refused(0xffff_ffff_ff53_4d42), Some("SMB"), "with its sign carried up");
        for (magic, name) in [(0xef53, "ext4"), (0x9123_683e, "btrfs"), (0x5846_5342, "xfs"), (0x0102_1994, "tmpfs")] {
            assert_eq!(refused(magic), None, "{name}");
        }
        assert_eq!(refused_kind(Path::new("/dev/shm")).ok().flatten(), None);
    }
}
