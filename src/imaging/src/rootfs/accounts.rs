//! `/etc/passwd`, `/etc/group` and `/etc/shadow` of an image.

use std::fmt::Write as _;

use crate::recipe::User;

/// Groups that programs and device files expect, with Debian's numbers.
const GROUPS: [(&str, u64); 12] = [
    ("root", 0),
    ("daemon", 1),
    ("adm", 4),
    ("tty", 5),
    ("disk", 6),
    ("kmem", 15),
    ("mail", 8),
    ("audio", 29),
    ("video", 44),
    ("staff", 50),
    ("users", 100),
    ("nogroup", 65534),
];

/// The three files' contents.
pub(super) fn files(users: &[User]) -> [(&'static str, u32, String); 3] {
    let mut passwd = "root:x:0:0:root:/root:/bin/sh\n".to_owned();
    let mut shadow = "root:*:::::::\n".to_owned();
    let mut group = String::new();
    for (name, id) in GROUPS {
        let _ = writeln!(group, "{name}:x:{id}:");
    }
    for user in users {
        let User { name, id, home } = user;
        let _ = writeln!(passwd, "{name}:x:{id}:{id}::{home}:/usr/sbin/nologin");
        let _ = writeln!(shadow, "{name}:!:::::::");
        let _ = writeln!(group, "{name}:x:{id}:");
    }
    passwd.push_str("nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
    shadow.push_str("nobody:*:::::::\n");
    [
        ("/etc/passwd", 0o644, passwd),
        ("/etc/group", 0o644, group),
        ("/etc/shadow", 0o600, shadow),
    ]
}
