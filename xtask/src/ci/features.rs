//! Which sets of features a package is checked with, from the features that its manifest has.

use std::collections::{BTreeMap, BTreeSet};

use crate::workspace::Package;

/// Features of which a package has one, most often: the ways to speak TLS.
const ALTERNATIVES: [&str; 3] = ["rustls", "rustls-no-provider", NATIVE_TLS];
pub(super) const NATIVE_TLS: &str = "native-tls";

/// One way to choose a package's features.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FeatureSet {
    /// What the step is called after.
    pub(super) label: String,
    /// How cargo is told.
    pub(super) flags: Vec<String>,
    /// Whether it takes the system's TLS.
    pub(super) native_tls: bool,
}

/// The sets that are worth a check of their own: none, each feature alone, all.
///
/// Left out are those that equal the default, since the check of the whole workspace has them. A package with
/// alternatives has each of those alone, and every other feature beside the default one.
pub(super) fn sets(package: &Package) -> Vec<FeatureSet> {
    let features = &package.features;
    let names: Vec<&str> = features.keys().map(String::as_str).filter(|name| *name != "default").collect();
    let default = closure(features, "default");
    let has_alternatives = names.iter().any(|name| ALTERNATIVES.contains(name));

    let mut sets = Vec::new();
    let mut add = |label: &str, flags: &[&str], native_tls: bool| {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        sets.push(FeatureSet { label: label.to_owned(), flags, native_tls });
    };
    if !default.is_empty() {
        add("none", &["--no-default-features"], false);
    }
    for name in &names {
        if ALTERNATIVES.contains(name) {
            add(name, &["--no-default-features", "--features", name], *name == NATIVE_TLS);
        } else if has_alternatives {
            add(name, &["--features", name], default.contains(NATIVE_TLS));
        } else if closure(features, name) != default {
            add(name, &["--no-default-features", "--features", name], false);
        }
    }
    let all: BTreeSet<&str> = names.iter().copied().collect();
    if all != default && all.len() > 1 {
        add("all", &["--all-features"], all.contains(NATIVE_TLS));
    }
    sets
}

/// The features that one turns on, itself included unless it is `default`.
fn closure<'a>(features: &'a BTreeMap<String, Vec<String>>, name: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![name];
    while let Some(name) = waiting.pop() {
        if let Some(turns_on) = features.get(name)
            && reached.insert(name)
        {
            waiting.extend(turns_on.iter().map(String::as_str));
        }
    }
    reached.remove("default");
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(features: &[(&str, &[&str])]) -> Vec<String> {
        let owned = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        let package = Package {
            name: "a".to_owned(),
            version: "1.0.0".to_owned(),
            published: true,
            features: features.iter().map(|(name, turns_on)| ((*name).to_owned(), owned(turns_on))).collect(),
        };
        sets(&package).into_iter().map(|set| format!("{}: {}", set.label, set.flags.join(" "))).collect()
    }

    #[test]
    fn each_tls_is_checked_alone_and_every_other_feature_with_the_default_one() {
        let features: &[(&str, &[&str])] = &[
            ("default", &["rustls"]),
            ("rustls", &["rustls-no-provider", "reqwest/rustls"]),
            ("rustls-no-provider", &["reqwest/rustls-no-provider"]),
            ("native-tls", &["reqwest/native-tls"]),
            ("blocking", &[]),
            ("codegen", &["copilot-gen/codegen"]),
        ];
        let expected = [
            "none: --no-default-features",
            "blocking: --features blocking",
            "codegen: --features codegen",
            "native-tls: --no-default-features --features native-tls",
            "rustls: --no-default-features --features rustls",
            "rustls-no-provider: --no-default-features --features rustls-no-provider",
            "all: --all-features",
        ];
        assert_eq!(flags(features), expected);
    }

    #[test]
    fn what_equals_the_default_is_not_checked_twice() {
        assert_eq!(
            flags(&[("default", &["codegen"]), ("codegen", &["dep:x"])]),
            ["none: --no-default-features"]
        );
        assert_eq!(flags(&[]), Vec::<String>::new());
        let expected = [
            "a: --no-default-features --features a",
            "b: --no-default-features --features b",
            "all: --all-features",
        ];
        assert_eq!(flags(&[("a", &[]), ("b", &["a"])]), expected);
    }
}
