//! `--extra-config`: settings that name a file become what is in it.

use crate::failure::Failure;

/// Its value is a file of this machine with a `KubeSchedulerConfiguration`.
const SCHEDULER: &str = "scheduler.config=";

/// More is no configuration.
const MOST: u64 = 1 << 20;

/// The settings, with documents instead of files' names.
pub(super) fn read(settings: Vec<String>) -> Result<Vec<String>, Failure> {
    let read = |setting: String| match setting.strip_prefix(SCHEDULER) {
        Some(file) => Ok(format!("{SCHEDULER}{}", document(file)?)),
        None => Ok(setting),
    };
    settings.into_iter().map(read).collect()
}

fn document(file: &str) -> Result<String, Failure> {
    let wrong = |what: &dyn std::fmt::Display| Failure::usage(&format!("--extra-config {SCHEDULER}{file}: {what}"));
    let size = fs_err::metadata(file).map_err(|error| wrong(&error))?.len();
    if size > MOST {
        return Err(wrong(&format!(
            "a configuration has at most {MOST} bytes, this has {size}"
        )));
    }
    let text = fs_err::read_to_string(file).map_err(|error| wrong(&error))?;
    scheduler::Profiles::read(&text).map_err(|error| wrong(&error))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(settings: &[&str]) -> String {
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        format!("{:?}", read(settings).expect_err("refused"))
    }

    #[test]
    fn a_file_becomes_its_document_and_other_settings_stay() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("scheduler.yaml");
        let text = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";
        fs_err::write(&file, text).expect("written");
        let settings = vec![format!("{SCHEDULER}{}", file.display()), "kubelet.maxPods=9".to_owned()];
        let found = read(settings).expect("read");
        assert_eq!(found, [format!("{SCHEDULER}{text}"), "kubelet.maxPods=9".to_owned()]);
        fs_err::write(&file, text.replace("v1\n", "v2\n")).expect("written");
        let error = failure(&[&format!("{SCHEDULER}{}", file.display())]);
        assert!(
            error.contains("must be apiVersion kubescheduler.config.k8s.io/v1"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = failure(&["scheduler.config=/nowhere/scheduler.yaml"]);
        assert!(error.contains("/nowhere/scheduler.yaml"), "{error}");
    }
}
