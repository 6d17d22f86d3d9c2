//! Refused arguments in Chinese; clap itself says them in English.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Error;
use clap::error::{ContextKind as C, ContextValue, ErrorKind};

use super::Messages;
use super::messages_zh::ZH;

/// Prints what was asked for (help, a version) or what is wrong with the arguments; gives the exit code.
pub(crate) fn show(error: &Error, locale: &str) -> ExitCode {
    let is_chinese = std::ptr::eq(Messages::of(locale), &raw const ZH);
    // a reader that went away is no failure of the command
    let _ = match in_chinese(error).filter(|_| is_chinese) {
        Some(text) => writeln!(std::io::stderr(), "{text}"),
        None => error.print(),
    };
    if error.use_stderr() {
        ExitCode::from(crate::failure::USAGE)
    } else {
        ExitCode::SUCCESS
    }
}

/// Nothing for help and versions, and for what rkube's arguments never run into.
fn in_chinese(error: &Error) -> Option<String> {
    let of = |kind| error.get(kind).map(|value| join(value, ", "));
    let argument = of(C::InvalidArg);
    let what = match error.kind() {
        ErrorKind::UnknownArgument => format!("未知参数 '{}'", argument?),
        ErrorKind::InvalidSubcommand => format!("未知命令 '{}'", of(C::InvalidSubcommand)?),
        ErrorKind::MissingRequiredArgument => format!("缺少参数 {}", argument?),
        ErrorKind::InvalidValue if of(C::InvalidValue)?.is_empty() => format!("参数 '{}' 需要一个值", argument?),
        ErrorKind::InvalidValue => format!("参数 '{}' 的值 '{}' 无效", argument?, of(C::InvalidValue)?),
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error).map(|why| format!("：{why}"));
            let value = of(C::InvalidValue)?;
            format!("参数 '{}' 的值 '{value}' 无效{}", argument?, why.unwrap_or_default())
        }
        ErrorKind::TooManyValues => format!("参数 '{}' 不接受多余的值 '{}'", argument?, of(C::InvalidValue)?),
        ErrorKind::ArgumentConflict => match of(C::PriorArg)? {
            other if Some(&other) == argument.as_ref() => format!("参数 '{other}' 只能使用一次"),
            other => format!("参数 '{}' 不能与 '{other}' 同时使用", argument?),
        },
        _ => return None,
    };
    let possible = of(C::ValidValue).filter(|values| !values.is_empty());
    let possible = possible.map(|values| format!("（可用的值：{values}）"));
    let similar = [C::SuggestedSubcommand, C::SuggestedArg, C::SuggestedValue]
        .into_iter()
        .find_map(|kind| error.get(kind).map(|found| join(found, "' 或 '")));
    let similar = similar.map(|similar| format!("\n{}: 您是否想输入 '{similar}'？", ZH.hint_label));
    let usage = of(C::Usage).map(|usage| format!("\n\n{}", usage.replacen("Usage:", "用法:", 1)));
    Some(format!(
        "{}: {what}{}{}{}\n\n更多信息请用 '--help'",
        ZH.error_label,
        possible.unwrap_or_default(),
        similar.unwrap_or_default(),
        usage.unwrap_or_default(),
    ))
}

fn join(value: &ContextValue, between: &str) -> String {
    match value {
        ContextValue::Strings(all) => all.join(between),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn what_was_wrong_where_and_what_to_type_is_said_in_chinese() {
        for (args, expected) in [
            (
                &["star"][..],
                &["未知命令 'star'", "您是否想输入 'status' 或 'start'？"][..],
            ),
            (
                &["start", "--node", "2"],
                &["未知参数 '--node'", "'--nodes'", "用法: rkube start"],
            ),
            (
                &["start", "--nodes", "many"],
                &["'--nodes <NODES>' 的值 'many' 无效：invalid digit"],
            ),
            (&["start", "--nodes"], &["'--nodes <NODES>' 需要一个值"]),
            (
                &["status", "-o", "yaml"],
                &["'--output <OUTPUT>' 的值 'yaml' 无效（可用的值：text, json）"],
            ),
            (&["image", "compose"], &["缺少参数 <RECIPE>"]),
            (&["stop", "now"], &["未知参数 'now'"]),
            (
                &["start", "--nodes", "2", "--nodes", "3"],
                &["'--nodes <NODES>' 只能使用一次"],
            ),
        ] {
            let args = ["rkube"].iter().chain(args);
            let error = Cli::try_parse_from(args).unwrap_err();
            let said = in_chinese(&error).unwrap();
            for expected in expected {
                assert!(said.starts_with("错误: ") && said.contains(expected), "{said}");
            }
        }
    }

    #[test]
    fn help_and_versions_are_no_errors() {
        for args in [&["--help"][..], &["start", "--help"], &["--version"], &["image"]] {
            let error = Cli::try_parse_from(["rkube"].iter().chain(args)).unwrap_err();
            assert_eq!(in_chinese(&error), None);
        }
    }
}
