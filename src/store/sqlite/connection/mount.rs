//! Where the file lies: some places lose a WAL, or two programs its locks.

use std::fs;
use std::path::Path;

/// File systems on which other machines have the file too: the index of the WAL
/// is memory that they do not share.
const NETWORK: [&str; 10] = [
    "9p",
    "afs",
    "ceph",
    "cifs",
    "fuse.sshfs",
    "glusterfs",
    "nfs",
    "nfs4",
    "smb3",
    "smbfs",
];

/// What is unsafe about the place of the file; none where it is not known.
pub(in crate::store::sqlite) fn trouble(path: &Path) -> Option<String> {
    let path = fs::canonicalize(path).ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    judge(&path, &mounts)
}

/// Layout: <https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html>.
fn judge(path: &Path, mounts: &str) -> Option<String> {
    let mount = |line: &str| {
        let (place, kind) = line.split_once(" - ")?;
        let point = unescaped(place.split(' ').nth(4)?);
        let kind = kind.split(' ').next()?.to_owned();
        path.starts_with(&point).then_some((point, kind))
    };
    // Of mounts on one point the last one is seen.
    let (point, kind) = mounts
        .lines()
        .filter_map(mount)
        .max_by_key(|(point, _)| point.len())?;
    if Path::new(&point) == path {
        return Some(format!(
            "{} is mounted alone, as `docker run -v FILE:FILE` does: its WAL stays outside and is \
             lost with the container; mount its folder",
            path.display()
        ));
    }
    NETWORK.contains(&&*kind).then(|| {
        format!(
            "{} is on a network file system ({kind}): a program on another machine would destroy \
             it; use it from one machine only, better on a disk of its own",
            path.display()
        )
    })
}

/// Spaces and the like are written as `\040`.
fn unescaped(point: &str) -> String {
    let mut text = String::new();
    let mut rest = point;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let code = after
            .get(..3)
            .and_then(|code| u8::from_str_radix(code, 8).ok());
        match code {
            Some(code) if code.is_ascii() => {
                text.push(char::from(code));
                rest = &after[3..];
            }
            _ => {
                text.push('\\');
                rest = after;
            }
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /srv/share rw shared:9 - nfs4 server:/share rw,vers=4.2
31 22 254:0 /home/data /srv/share/local rw - ext4 /dev/vda rw
32 22 254:0 /x/one.db /data/one.db rw - ext4 /dev/vda rw
33 22 0:41 / /mnt/my\\040disk rw - cifs //server/disk rw
";

    #[test]
    fn places() {
        for (path, words) in [
            ("/var/lib/vitalfold.db", None),
            ("/data/two.db", None),
            ("/data/one.db", Some("mounted alone")),
            ("/srv/share/a.db", Some("(nfs4)")),
            ("/srv/share/local/a.db", None),
            ("/srv/sharedstuff/a.db", None),
            ("/mnt/my disk/a.db", Some("(cifs)")),
        ] {
            let found = judge(Path::new(path), MOUNTS);
            match words {
                None => assert_eq!(found, None, "{path}"),
                Some(words) => assert!(found.unwrap().contains(words), "{path}"),
            }
        }
    }
}
