//! apt's configuration on the host: mirrors and proxy that already work here.

use std::path::Path;

use super::control::paragraphs;

/// What the host's apt knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct HostApt {
    /// Mirrors of the main archive, in order.
    pub(crate) main: Vec<String>,
    /// Mirrors of the security archive, in order.
    pub(crate) security: Vec<String>,
    /// `Acquire::http::Proxy`.
    pub(crate) proxy: Option<String>,
}

impl HostApt {
    /// Reads `etc/apt` below `root`; what is not there is simply not known.
    pub(crate) fn read(root: &Path) -> Self {
        let apt = root.join("etc/apt");
        let mut host = Self::default();
        for text in texts(&apt.join("sources.list"), &apt.join("sources.list.d"), "list") {
            host.one_line_sources(&text);
        }
        for text in texts(Path::new(""), &apt.join("sources.list.d"), "sources") {
            host.deb822_sources(&text);
        }
        // apt reads all of apt.conf.d whose names have no extension or end in .conf
        let mut settings = texts(&apt.join("apt.conf"), &apt.join("apt.conf.d"), "");
        settings.extend(texts(Path::new(""), &apt.join("apt.conf.d"), "conf"));
        host.proxy = settings.iter().filter_map(|text| proxy(text)).next_back();
        host
    }

    fn one_line_sources(&mut self, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| line.starts_with("deb ")) {
            let rest = line.trim_start_matches("deb ").trim_start();
            let rest = match rest.strip_prefix('[') {
                Some(options) => options.split_once(']').map_or("", |(_, rest)| rest.trim_start()),
                None => rest,
            };
            let mut words = rest.split_whitespace();
            if let (Some(url), Some(suite)) = (words.next(), words.next()) {
                self.add(url, suite);
            }
        }
    }

    fn deb822_sources(&mut self, text: &str) {
        for paragraph in paragraphs(text) {
            if paragraph.get("Enabled") == Some("no") || !paragraph.words("Types").contains(&"deb") {
                continue;
            }
            for url in paragraph.words("URIs") {
                for suite in paragraph.words("Suites") {
                    self.add(url, suite);
                }
            }
        }
    }

    fn add(&mut self, url: &str, suite: &str) {
        // another distribution's mirror has no Debian suites; a third party's archive ends in neither name
        let base = url.trim_end_matches('/');
        let list = match base.rsplit('/').next() {
            Some("debian") => &mut self.main,
            Some("debian-security") => &mut self.security,
            Some("security") if suite.ends_with("-security") => &mut self.security,
            _ => return,
        };
        if base.starts_with("http") && !list.iter().any(|known| known == base) {
            list.push(base.to_owned());
        }
    }
}

fn texts(file: &Path, folder: &Path, extension: &str) -> Vec<String> {
    let mut files = vec![file.to_owned()];
    if let Ok(entries) = fs_err::read_dir(folder) {
        let mut found: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        found.retain(|path| path.extension().unwrap_or_default() == extension);
        found.sort();
        files.extend(found);
    }
    files
        .into_iter()
        .filter_map(|path| fs_err::read_to_string(path).ok())
        .collect()
}

/// The HTTP proxy of an apt.conf text, in its flat or nested form.
fn proxy(text: &str) -> Option<String> {
    let code: String = text
        .lines()
        .map(|line| line.trim())
        .filter(|line| !line.starts_with("//") && !line.starts_with('#'))
        .collect::<Vec<_>>()
        .join(" ");
    let mut scope: Vec<String> = Vec::new();
    let mut found = None;
    let mut name = String::new();
    let mut rest = code.as_str();
    while let Some(at) = rest.find(['{', '}', ';', '"']) {
        let (before, after) = rest.split_at(at);
        let before = before.trim();
        if !before.is_empty() {
            before.clone_into(&mut name);
        }
        rest = &after[1..];
        match &after[..1] {
            "{" => scope.push(std::mem::take(&mut name)),
            "}" => drop(scope.pop()),
            "\"" => {
                let (value, tail) = rest.split_once('"')?;
                rest = tail;
                let full = scope
                    .iter()
                    .map(String::as_str)
                    .chain([name.as_str()])
                    .collect::<Vec<_>>()
                    .join("::");
                if full.eq_ignore_ascii_case("Acquire::http::Proxy") && !value.is_empty() && value != "DIRECT" {
                    found = Some(value.to_owned());
                }
            }
            _ => name.clear(),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_source_formats_are_read_and_others_are_not() {
        let mut host = HostApt::default();
        host.one_line_sources(
            "deb [arch=amd64 signed-by=/x] http://m/debian/ bookworm main\ndeb-src http://n/debian x\n",
        );
        host.deb822_sources(
            "Types: deb\nURIs: http://m/debian http://o/debian\nSuites: sid\n\n\
             Types: deb\nURIs: http://m/debian-security\nSuites: bookworm-security\n\n\
             Types: deb\nURIs: http://u/ubuntu\nSuites: noble\n\nTypes: deb\nURIs: http://x/debian\nEnabled: no\nSuites: sid\n",
        );
        assert_eq!(host.main, ["http://m/debian", "http://o/debian"]);
        assert_eq!(host.security, ["http://m/debian-security"]);
    }

    #[test]
    fn proxies_in_both_forms() {
        assert_eq!(
            proxy("Acquire::http::Proxy \"http://p:3142\";").as_deref(),
            Some("http://p:3142")
        );
        assert_eq!(
            proxy("Acquire { http { Proxy \"http://p\"; }; };").as_deref(),
            Some("http://p")
        );
        assert_eq!(
            proxy("// Acquire::http::Proxy \"http://p\";\nAcquire::Retries \"3\";"),
            None
        );
        assert_eq!(proxy("Acquire::https::Proxy \"http://p\";"), None);
    }
}
