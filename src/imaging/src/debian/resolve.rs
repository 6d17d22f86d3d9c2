//! The closure of a recipe's packages under Depends and Pre-Depends.

use std::collections::{BTreeMap, VecDeque};

use super::index::{Index, Package};
use super::relation::{self, Relation};
use crate::ImagingError;

/// All packages needed, by name. A clause with an omitted alternative counts as satisfied: the recipe says the image works
/// without it. No backtracking: within one release the first alternative that exists is the one apt takes, too.
pub(crate) fn resolve(index: &Index, wanted: &[String], omitted: &[String]) -> Result<Vec<Package>, ImagingError> {
    let mut chosen: BTreeMap<String, Package> = BTreeMap::new();
    let mut queue: VecDeque<(String, Vec<Relation>)> = wanted
        .iter()
        .map(|name| {
            (
                "the recipe".to_owned(),
                vec![Relation {
                    name: name.clone(),
                    bound: None,
                }],
            )
        })
        .collect();
    while let Some((by, clause)) = queue.pop_front() {
        let is_omitted = |name: &str| omitted.iter().any(|omitted| omitted == name);
        let satisfied = clause.iter().any(|relation| {
            is_omitted(&relation.name)
                || chosen
                    .get(&relation.name)
                    .is_some_and(|package| relation.accepts(&package.version))
                || index
                    .providers(&relation.name)
                    .iter()
                    .any(|name| chosen.contains_key(name) || is_omitted(name))
        });
        if satisfied {
            continue;
        }
        let Some(package) = clause.iter().find_map(|relation| candidate(index, relation)) else {
            let wanted = clause.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
            return Err(ImagingError::Unresolved { wanted, by });
        };
        let by = package.name.clone();
        queue.extend(
            relation::parse(&package.depends)
                .into_iter()
                .map(|clause| (by.clone(), clause)),
        );
        chosen.insert(by, package.clone());
    }
    Ok(chosen.into_values().collect())
}

fn candidate<'a>(index: &'a Index, relation: &Relation) -> Option<&'a Package> {
    index
        .get(&relation.name)
        .filter(|package| relation.accepts(&package.version))
        .or_else(|| {
            // only an unbounded relation may be met by a provider that states no version
            let provider = index.providers(&relation.name).first()?;
            relation.bound.is_none().then(|| index.get(provider)).flatten()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGES: &str = "\
Package: app\nVersion: 1\nDepends: lib (>= 2), mta | mail-transport-agent, debconf\nSize: 1\n\n\
Package: lib\nVersion: 1\nSize: 1\n\n\
Package: lib\nVersion: 2\nPre-Depends: base\nSize: 1\n\n\
Package: base\nVersion: 1\nDepends: lib\nSize: 1\n\n\
Package: exim\nVersion: 1\nProvides: mail-transport-agent\nSize: 1\n\n\
Package: debconf\nVersion: 1\nDepends: perl\nSize: 1\n";

    fn names(index: &Index, wanted: &str, omitted: &[&str]) -> Result<Vec<String>, ImagingError> {
        let omitted: Vec<String> = omitted.iter().map(|&name| name.to_owned()).collect();
        let all = resolve(index, &[wanted.to_owned()], &omitted)?;
        Ok(all.into_iter().map(|package| package.name).collect())
    }

    fn index() -> Index {
        let mut index = Index::default();
        index.add(0, "Packages", PACKAGES.as_bytes()).unwrap();
        index
    }

    #[test]
    fn closure_follows_bounds_cycles_and_providers() {
        assert_eq!(
            names(&index(), "app", &["debconf"]).unwrap(),
            ["app", "base", "exim", "lib"]
        );
        assert_eq!(index().get("lib").unwrap().version, "2");
    }

    #[test]
    fn missing_dependency_names_who_wanted_it() {
        let error = names(&index(), "app", &[]).unwrap_err().to_string();
        assert!(error.contains("perl") && error.contains("debconf"), "{error}");
    }
}
