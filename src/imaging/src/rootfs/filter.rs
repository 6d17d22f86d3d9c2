//! Which paths stay out of an image.

use crate::Recipe;

/// Path patterns of a recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    omit: Vec<String>,
    keep: Vec<String>,
}

impl Filter {
    /// The recipe's patterns.
    pub(crate) fn of(recipe: &Recipe) -> Self {
        Self {
            omit: recipe.omit_paths.clone(),
            keep: recipe.keep_paths.clone(),
        }
    }

    /// Whether the absolute `path` goes into the image.
    pub(crate) fn keeps(&self, path: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, path));
        !any(&self.omit) || any(&self.keep)
    }
}

/// Shell pattern with `*` alone, which also matches slashes, as in dpkg's `path-exclude`.
fn matches(pattern: &str, path: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else {
        return path.is_empty();
    };
    let Some(mut rest) = path.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_crosses_slashes_and_keep_wins() {
        assert!(matches("/usr/share/doc/*", "/usr/share/doc/a/b"));
        assert!(!matches("/usr/share/doc/*", "/usr/share/docs"));
        assert!(matches("*.so", "/usr/lib/x.so") && !matches("*.so", "/usr/lib/x.so.1"));
        assert!(matches("/a/*/c", "/a/b/b/c") && !matches("/a", "/a/b") && matches("/a", "/a"));
        let filter = Filter {
            omit: vec!["/usr/lib/cni/*".into()],
            keep: vec!["/usr/lib/cni/ptp".into()],
        };
        assert!(filter.keeps("/usr/lib/cni/ptp") && !filter.keeps("/usr/lib/cni/vlan") && filter.keeps("/etc"));
    }
}
