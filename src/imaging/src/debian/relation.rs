//! Dependency fields: alternatives with version bounds.

use std::cmp::Ordering;

use super::version;

/// One alternative of a dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relation {
    /// Package name, without architecture qualifier.
    pub(crate) name: String,
    /// Operator and version.
    pub(crate) bound: Option<(Operator, String)>,
}

/// Version operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Less,
    LessEqual,
    Equal,
    GreaterEqual,
    Greater,
}

impl Relation {
    /// Whether `version` lies in the bound.
    pub(crate) fn accepts(&self, version: &str) -> bool {
        let Some((operator, bound)) = &self.bound else {
            return true;
        };
        let order = version::compare(version, bound);
        match operator {
            Operator::Less => order == Ordering::Less,
            Operator::LessEqual => order != Ordering::Greater,
            Operator::Equal => order == Ordering::Equal,
            Operator::GreaterEqual => order != Ordering::Less,
            Operator::Greater => order == Ordering::Greater,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, rest) = match text.find(['(', '[', '<', ' ']) {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        let name = name.trim().split(':').next().unwrap_or_default().to_owned();
        if name.is_empty() {
            return None;
        }
        let bound = rest
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(')'))
            .and_then(|(inside, _)| {
                let at = inside.find(|c: char| !"<>= ".contains(c))?;
                let (operator, version) = inside.split_at(at);
                let operator = match operator.trim() {
                    "<<" => Operator::Less,
                    "<=" | "<" => Operator::LessEqual,
                    "=" => Operator::Equal,
                    ">=" | ">" => Operator::GreaterEqual,
                    ">>" => Operator::Greater,
                    _ => return None,
                };
                Some((operator, version.trim().to_owned()))
            });
        Some(Self { name, bound })
    }
}

impl std::fmt::Display for Relation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        if let Some((operator, version)) = &self.bound {
            let sign = match operator {
                Operator::Less => "<<",
                Operator::LessEqual => "<=",
                Operator::Equal => "=",
                Operator::GreaterEqual => ">=",
                Operator::Greater => ">>",
            };
            write!(f, " ({sign} {version})")?;
        }
        Ok(())
    }
}

/// Reads a field: clauses that must all hold, each a list of alternatives.
pub(crate) fn parse(field: &str) -> Vec<Vec<Relation>> {
    field
        .split(',')
        .map(|clause| {
            clause
                .split('|')
                .filter_map(|text| Relation::parse(text.trim()))
                .collect::<Vec<_>>()
        })
        .filter(|clause| !clause.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_bounds_and_qualifiers() {
        let field = parse("debconf (>= 0.5) | debconf-2.0, libc6:any (<< 3), perl");
        assert_eq!(field.len(), 3);
        assert_eq!(
            field[0].iter().map(|r| r.name.as_str()).collect::<Vec<_>>(),
            ["debconf", "debconf-2.0"]
        );
        assert!(field[0][0].accepts("1.5") && !field[0][0].accepts("0.4"));
        assert_eq!(field[1][0].name, "libc6");
        assert!(!field[1][0].accepts("3") && field[1][0].accepts("2.41"));
        assert_eq!(field[0][0].to_string(), "debconf (>= 0.5)");
    }
}
