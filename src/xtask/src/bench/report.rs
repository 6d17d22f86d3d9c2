//! `docs/benchmarks*.md`: a part for each benchmark, written anew by it and left alone by the others.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

/// Prints the part and puts it in the place of the one before, in `docs/benchmarks.md`.
pub(super) fn write(workspace: &Path, part: &str, text: &str) -> anyhow::Result<()> {
    write_in(workspace, "docs/benchmarks.md", part, text)
}

/// The same in another file.
pub(super) fn write_in(workspace: &Path, file: &str, part: &str, text: &str) -> anyhow::Result<()> {
    say(text);
    let path = workspace.join(file);
    let whole = fs_err::read_to_string(&path)?;
    let (begin, end) = (format!("<!-- begin {part} -->\n"), format!("<!-- end {part} -->\n"));
    let missing = || format!("{} has no part {part}: no line {}", path.display(), begin.trim_end());
    let (before, rest) = whole.split_once(&begin).with_context(missing)?;
    let (_, after) = rest.split_once(&end).with_context(missing)?;
    fs_err::write(&path, [before, &begin, text, &end, after].concat())?;
    Ok(())
}

/// The machine and the day, as far as its own tools say.
pub(super) fn machine() -> String {
    let said = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output().ok();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        text.unwrap_or_default()
    };
    let cpu = fs_err::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    format!(
        "{}: {} processors ({model}), {}, Docker {} with {}",
        said("date", &["-u", "+%F"]),
        std::thread::available_parallelism().map_or(0, usize::from),
        said("uname", &["-sr"]),
        said("docker", &["version", "--format", "{{.Server.Version}}"]),
        said(
            "docker",
            &["info", "--format", "{{.Driver}}, cgroup v{{.CgroupVersion}}"]
        ),
    )
}

#[expect(clippy::print_stdout, reason = "the result of the benchmark")]
fn say(text: &str) {
    println!("{text}");
}
