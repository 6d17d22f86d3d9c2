//! `--extra-config`: what components can be told, so that a misspelt setting is an error and not silence.

use schema::Served;

use crate::ClusterError;

/// What a value must be.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A number above zero.
    Number,
    /// Bytes, as in `10Mi`.
    Size,
    /// A whole document, whose reader has checked it.
    Document,
    /// API groups, versions and resources to be switched on or off.
    Apis,
}

/// Component, setting, kind of its value.
const KNOWN: &[(&str, &str, Kind)] = &[
    ("apiserver", "runtimeConfig", Kind::Apis),
    ("kubelet", "containerLogMaxFiles", Kind::Number),
    ("kubelet", "containerLogMaxSize", Kind::Size),
    ("kubelet", "maxPods", Kind::Number),
    ("scheduler", "config", Kind::Document),
];

/// The settings by their names in configuration files; flags' names (`max-pods`) are taken as well.
pub(super) fn canonical(settings: &[String]) -> Result<Vec<String>, ClusterError> {
    settings.iter().map(|setting| one(setting)).collect()
}

fn one(setting: &str) -> Result<String, ClusterError> {
    let refuse = |reason: String| ClusterError::Setting {
        setting: setting.to_owned(),
        reason,
    };
    let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
    let (component, key) = name.split_once('.').unwrap_or((name, ""));
    let plain = |name: &str| name.replace('-', "").to_lowercase();
    let found = KNOWN
        .iter()
        .find(|(owner, known, _)| *owner == component && plain(known) == plain(key));
    let Some((_, known, kind)) = found else {
        let all: Vec<String> = KNOWN
            .iter()
            .map(|(owner, known, _)| format!("{owner}.{known}"))
            .collect();
        return Err(refuse(format!(
            "there is no such setting; there are {}",
            all.join(", ")
        )));
    };
    match kind {
        Kind::Number if !value.parse::<u32>().is_ok_and(|number| number > 0) => {
            Err(refuse(format!("{value:?} is no number above zero")))
        }
        Kind::Document if value.trim().is_empty() => Err(refuse("it is empty".to_owned())),
        Kind::Apis => match Served::parse(value) {
            Ok(_) => Ok(format!("{component}.{known}={value}")),
            Err(error) => Err(refuse(error.to_string())),
        },
        Kind::Size if !is_size(value) => Err(refuse(format!("{value:?} is no size such as 10Mi"))),
        _ => Ok(format!("{component}.{known}={value}")),
    }
}

fn is_size(text: &str) -> bool {
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = &text[number.len()..];
    number.parse::<u64>().is_ok_and(|number| number > 0) && ["", "k", "Ki", "M", "Mi", "G", "Gi"].contains(&unit)
}

#[cfg(test)]
mod tests {
    use super::canonical;

    fn check(setting: &str) -> Result<Vec<String>, String> {
        canonical(&[setting.to_owned()]).map_err(|error| error.to_string())
    }

    #[test]
    fn both_spellings_are_one_setting() {
        for spelling in ["kubelet.max-pods=50", "kubelet.maxPods=50"] {
            assert_eq!(check(spelling).unwrap(), ["kubelet.maxPods=50"]);
        }
    }

    #[test]
    fn an_unknown_setting_names_those_there_are() {
        for setting in ["kubelet.max-pod=50", "kubelt.maxPods=50"] {
            let error = check(setting).unwrap_err();
            assert!(error.contains(setting) && error.contains("kubelet.maxPods"), "{error}");
        }
    }

    #[test]
    fn a_value_must_be_of_its_kind() {
        assert!(
            check("kubelet.maxPods=many")
                .unwrap_err()
                .contains("\"many\" is no number")
        );
        assert!(check("kubelet.containerLogMaxSize=10Mb").unwrap_err().contains("10Mi"));
        check("kubelet.containerLogMaxSize=512Ki").unwrap();
    }

    #[test]
    fn api_groups_are_known_ones() {
        let found = check("apiserver.runtime-config=api/beta=true,batch/v1=false").unwrap();
        assert_eq!(found, ["apiserver.runtimeConfig=api/beta=true,batch/v1=false"]);
        let error = check("apiserver.runtime-config=nothing.example/v1=true").unwrap_err();
        assert!(error.contains("there is no nothing.example/v1"), "{error}");
        let error = check("apiserver.runtime-config=api/beta=perhaps").unwrap_err();
        assert!(error.contains("neither true nor false"), "{error}");
    }
}
