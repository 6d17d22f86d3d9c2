//! Variables from a file in one of the pod's volumes (`fileKeyRef`): a strict part of the shell's syntax, `NAME='value'`.

use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};

/// A longer file is refused.
const LONGEST: u64 = 1 << 20;

/// The text of a file of a volume. Links of the pod's making lead nowhere but into the volume.
pub(super) fn read(volume: &Path, path: &str) -> io::Result<String> {
    let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = open(volume, folder, Mode::empty())?;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    // a pipe must not keep the kubelet waiting
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = std::fs::File::from(openat2(&root, path, flags, Mode::empty(), resolve)?);
    let mut text = String::new();
    file.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::other("the file is larger than 1 MiB"));
    }
    Ok(text)
}

/// The variable's value; empty if the file does not have it. The error says what is wrong in which line before it.
pub(super) fn value(text: &str, name: &str) -> Result<String, String> {
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let wrong = |what: &str| format!("invalid environment variable format at line {number}: {what}");
        let line = line.trim_start_matches(BLANKS);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (found, rest) = line.split_once('=').ok_or_else(|| wrong("missing '='"))?;
        if found.is_empty() {
            return Err(wrong("empty variable name"));
        }
        if found.ends_with(BLANKS) {
            return Err(wrong("whitespace before '=' is not allowed"));
        }
        let mut value = String::new();
        // as in a shell: `NAME= 'value'` sets nothing
        if !rest.starts_with(BLANKS) {
            let quoted = rest.strip_prefix('\'');
            let mut rest = quoted.ok_or_else(|| wrong("value must be enclosed in single quotes"))?;
            let after = loop {
                if let Some((last, after)) = rest.split_once('\'') {
                    value.push_str(last);
                    break after.trim_start_matches(BLANKS);
                }
                value.push_str(rest);
                value.push('\n');
                rest = lines.next().ok_or_else(|| wrong("unclosed single quote"))?.0;
            };
            if !after.is_empty() && !after.starts_with('#') {
                return Err(wrong("unexpected content after closing quote"));
            }
        }
        if found == name {
            return Ok(value);
        }
    }
    Ok(String::new())
}

const BLANKS: [char; 2] = [' ', '\t'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_and_may_span_lines() {
        let text = "# a comment\n\n  ONE='1' # first\nTWO='a\nb # no comment'\nNONE= 'x'\nLAST='$HOME \\n'\n";
        for (name, expected) in [
            ("ONE", "1"),
            ("TWO", "a\nb # no comment"),
            ("NONE", ""),
            ("LAST", "$HOME \\n"),
            ("X", ""),
        ] {
            assert_eq!(value(text, name).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, expected) in [
            ("A='1'\nB", "line 2: missing '='"),
            ("='1'", "line 1: empty variable name"),
            ("B ='1'", "line 1: whitespace before '='"),
            ("B=1", "line 1: value must be enclosed"),
            ("B='1' 2", "line 1: unexpected content"),
            ("\nB='1\n\n", "line 2: unclosed single quote"),
        ] {
            let error = value(text, "C").unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        // what comes behind is not looked at
        assert_eq!(value("A='1'\nB", "A").as_deref(), Ok("1"));
    }

    #[test]
    fn links_stay_in_the_volume() {
        let folder = tempfile::tempdir().unwrap();
        let volume = folder.path().join("volume");
        fs_err::create_dir(&volume).unwrap();
        fs_err::write(folder.path().join("secret"), "A='outside'").unwrap();
        fs_err::write(volume.join("file"), "A='inside'").unwrap();
        fs_err::os::unix::fs::symlink(folder.path().join("secret"), volume.join("out")).unwrap();
        fs_err::os::unix::fs::symlink("/file", volume.join("in")).unwrap();
        assert_eq!(read(&volume, "in").unwrap(), "A='inside'");
        assert!(read(&volume, "out").is_err() && read(&volume, "../secret").is_err());
    }
}
