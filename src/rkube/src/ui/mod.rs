//! What users see: results on stdout, progress and failures on stderr, in their language.

mod events;
mod imaging;
mod messages;
mod messages_en;
mod messages_zh;
mod raw_mode;
mod start;
mod table;
pub(crate) mod usage;

use std::io::Write as _;
use std::process::ExitCode;

use console::Term;
use serde_json::{Value, json};

use crate::cli::{Command, Format, Global};
use crate::failure::Failure;

use events::Events;
pub(crate) use imaging::ImagingProgress;
pub(crate) use messages::Messages;
pub(crate) use raw_mode::RawMode;
pub(crate) use start::StartProgress;
pub(crate) use table::{columns, table};

/// The terminal, or whatever stdout and stderr are.
#[derive(Debug, Clone)]
pub(crate) struct Ui {
    format: Format,
    /// Set if progress and result are events.
    events: Option<Events>,
    text: &'static Messages,
    /// ` --profile NAME` for commands that a hint says to type, if they need it.
    profile_flag: String,
}

impl Ui {
    /// Output in the format of the flags and the language of a locale such as `zh_CN.UTF-8`.
    pub(crate) fn new(global: &Global, command: &Command, locale: &str) -> Self {
        Self {
            format: global.output,
            events: Events::of(command).filter(|_| global.output == Format::Json),
            text: Messages::of(locale),
            profile_flag: global
                .profile
                .as_ref()
                .map_or_else(String::new, |name| format!(" --profile {name}")),
        }
    }

    /// The message table.
    pub(crate) fn text(&self) -> &'static Messages {
        self.text
    }

    /// True if results are JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Prints a command's result. False if the reader went away (`| head`), which is no failure of the command.
    pub(crate) fn result(&self, text: impl FnOnce() -> String, json: impl FnOnce() -> Value) -> bool {
        if let Some(events) = self.events {
            events.result(&text(), &json());
            return true;
        }
        let line = if self.is_json() { json().to_string() } else { text() };
        writeln!(std::io::stdout(), "{line}").is_ok()
    }

    /// A line of progress.
    pub(crate) fn note(&self, line: &str) {
        if self.events.is_some() {
            Events::info(line);
        } else if !self.is_json() {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    /// Says that the only step of a command begins, where progress is events.
    pub(crate) fn begin(&self, name: &str) {
        if let Some(events) = self.events {
            events.only_step(name);
        }
    }

    /// Prints a failure; gives its exit code.
    pub(crate) fn failure(&self, failure: &Failure) -> ExitCode {
        let hint = failure
            .hint
            .map(|hint| self.text.hint(hint).replace("{}", &self.profile_flag));
        if self.events.is_some() {
            Events::error(failure, hint.as_deref());
            return ExitCode::from(failure.code);
        }
        let text = if self.is_json() {
            let body = json!({ "id": failure.id, "exitCode": failure.code, "message": failure.message, "hint": hint });
            json!({ "error": body }).to_string()
        } else {
            let hint = hint
                .map(|hint| format!("\n{}: {hint}", self.text.hint_label))
                .unwrap_or_default();
            format!("{}: {} ({}){hint}", self.text.error_label, failure.message, failure.id)
        };
        let _ = writeln!(std::io::stderr(), "{text}");
        ExitCode::from(failure.code)
    }

    /// A display of composing.
    pub(crate) fn imaging(&self) -> ImagingProgress {
        ImagingProgress::new(self.clone(), Term::stderr().features().is_attended() && !self.is_json())
    }

    /// A display of a start.
    pub(crate) fn start(&self, name: &str) -> StartProgress {
        StartProgress::new(self.clone(), name)
    }
}
