//! Generators and checks: `cargo xtask <command>`.

use std::path::PathBuf;

mod bench;
mod docs;
mod protos;
mod release;
mod schema;
mod test;
mod vm;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["schema", source] => schema::generate(&PathBuf::from(source), &workspace()),
        ["test"] => test::run(&workspace()),
        ["docs", rest @ ..] => docs::run(&workspace(), rest == ["--check"]),
        ["bench", "start"] => bench::start::run(&workspace()),
        ["bench", "addons"] => bench::addons::run(&workspace()),
        ["bench", "dashboard", rest @ ..] => bench::dashboard::run(&workspace(), rest.first().copied()),
        ["vm"] => vm::run(&workspace()),
        ["proto", rest @ ..] => protos::run(rest),
        _ => anyhow::bail!(
            "usage: xtask test | schema <kubernetes-source-dir> | proto <name> <file.proto> [--check] | docs [--check] | bench start|addons|dashboard [PODS] | vm"
        ),
    }
}

/// The root of this repository: two levels above this crate.
fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
