//! Which sets of features a package is checked with, from the features that its manifest has.

use crate::workspace::Package;

pub(super) const NATIVE_TLS: &str = "native-tls";

/// The sets that are worth a check of their own: none, each feature alone, all. Each with its name and cargo's flags. Not the
/// default one, with which the examples and the workspace are built, and none that only hands on to another crate of ours.
pub(super) fn sets(package: &Package) -> Vec<(String, String)> {
    let names: Vec<&String> = package.features.keys().filter(|name| *name != "default").collect();
    let default = package.features.get("default").map(Vec::as_slice).unwrap_or_default();
    let set = |name: &str, flags: String| (name.to_owned(), flags);
    let mut sets = Vec::new();
    if !names.is_empty() {
        sets.push(set("none", "--no-default-features".to_owned()));
    }
    let hands_on = |name: &str| {
        let on = package.features.get(name).map(Vec::as_slice).unwrap_or_default();
        matches!(on, [only] if only.starts_with("copilot-") && only.ends_with(&format!("/{name}")))
    };
    let others = names.iter().filter(|name| default != std::slice::from_ref(**name) && !hands_on(name));
    sets.extend(others.map(|name| set(name, format!("--no-default-features --features {name}"))));
    if names.len() > 1 {
        sets.push(set("all", "--all-features".to_owned()));
    }
    sets
}

/// Whether the set takes the system's TLS.
pub(super) fn has_native_tls(package: &Package, set: &str) -> bool {
    set == NATIVE_TLS || (set == "all" && package.features.contains_key(NATIVE_TLS))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_feature_each_alone_and_all_are_checked() {
        let turns_on = |name: &str| {
            if name == "handed-on" { vec!["copilot-other/handed-on".to_owned()] } else { Vec::new() }
        };
        let names = |features: &[&str]| {
            let mut features: BTreeMap<_, _> =
                features.iter().map(|name| ((*name).to_owned(), turns_on(name))).collect();
            features.insert("default".to_owned(), vec!["usual".to_owned()]);
            let package =
                Package { name: "a".to_owned(), version: "1.0.0".to_owned(), published: true, features };
            sets(&package).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names(&["a", "b", "usual"]), ["none", "a", "b", "all"]);
        assert_eq!(names(&["a"]), ["none", "a"]);
        assert_eq!(names(&["handed-on"]), ["none"]);
        assert_eq!(names(&["a", "handed-on"]), ["none", "a", "all"]);
        assert_eq!(names(&[]), [""; 0]);
    }
}
