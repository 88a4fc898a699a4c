//! `--map`: which property a column is, where their names differ.

use std::cell::Cell;

use super::kind::Kind;
use crate::exit::Failure;

/// One `--map`.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// As it was said.
    text: String,
    /// The files that it is about; all, unless it says one.
    of: Option<Kind>,
    column: String,
    /// Empty where the column is left out.
    property: String,
}

impl Rule {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let form = "is to be COLUMN=property, users.COLUMN=property to mean one file, or COLUMN= to leave the column out";
        // A column may have the sign in its name; a property has not.
        let (column, property) = text.rsplit_once('=').ok_or(form)?;
        let of = column.split_once('.').and_then(|(name, rest)| Some((Kind::of_name(name)?, rest)));
        let (of, column) = of.map_or((None, column), |(kind, rest)| (Some(kind), rest));
        if column.is_empty() {
            return Err(form.to_owned());
        }
        let fits = |kind: Kind| kind.form(property).is_some();
        match of {
            _ if property.is_empty() => {}
            Some(kind) if !fits(kind) => {
                return Err(format!("{} have no property `{property}`, but {}", kind.name(), kind.choices()));
            }
            None if !Kind::ALL.into_iter().any(fits) => {
                return Err(format!(
                    "neither users nor things nor associations have a property `{property}`"
                ));
            }
            _ => {}
        }
        let (column, property) = (column.to_owned(), property.to_owned());
        Ok(Self { text: text.to_owned(), of, column, property })
    }
}

/// All of them, each with whether a file has such a column.
#[derive(Debug, Default)]
pub(super) struct Mapping(Vec<(Rule, Cell<bool>)>);

impl Mapping {
    pub(super) fn new(rules: &[Rule]) -> Self {
        Self(rules.iter().map(|rule| (rule.clone(), Cell::new(false))).collect())
    }

    /// The property that a column is; none where it is left out.
    pub(super) fn property<'a>(&'a self, kind: Kind, column: &'a str) -> Option<&'a str> {
        // What is said of one file counts before what is said of all.
        let about = |of: Option<Kind>| self.0.iter().find(|(rule, _)| rule.of == of && rule.column == column);
        let property = match about(Some(kind)).or_else(|| about(None)) {
            Some((rule, used)) => {
                used.set(true);
                rule.property.as_str()
            }
            None => column,
        };
        Some(property).filter(|property| !property.is_empty())
    }

    /// Fails where one is about no column of the files, all of which were read.
    pub(super) fn all_used(&self) -> Result<(), Failure> {
        match self.0.iter().find(|(_, used)| !used.get()) {
            Some((rule, _)) => Err(Failure::usage(format!("--map {}: no file has such a column", rule.text))),
            None => Ok(()),
        }
    }

    /// As they were said, for the state.
    pub(super) fn texts(&self) -> Vec<String> {
        self.0.iter().map(|(rule, _)| rule.text.clone()).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Kind, Mapping, Rule};

    fn mapping(rules: &[&str]) -> Mapping {
        Mapping::new(&rules.iter().map(|rule| Rule::parse(rule).unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn a_rule_about_one_file_counts_before_one_about_all() {
        let mapping = mapping(&["id=user_id", "things.id=thing_id", "note=", "a=b=model"]);
        assert_eq!(mapping.property(Kind::User, "id"), Some("user_id"));
        assert_eq!(mapping.property(Kind::Thing, "id"), Some("thing_id"));
        assert_eq!(mapping.property(Kind::User, "note"), None);
        assert_eq!(mapping.property(Kind::Thing, "a=b"), Some("model"));
        assert_eq!(mapping.property(Kind::User, "email"), Some("email"));
        assert!(mapping.all_used().is_ok());
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for text in ["id", "=user_id", "users.=user_id", "id=shoe_size", "users.id=thing_id"] {
            assert!(Rule::parse(text).is_err(), "{text}");
        }
        assert!(mapping(&["id=user_id"]).all_used().is_err());
    }
}
