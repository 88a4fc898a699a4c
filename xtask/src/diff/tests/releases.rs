//! What is declared, and when a contract may be released.

use std::fs;

use serde_json::{Value, json};

use super::{Edit, contract, edited};
use crate::{
    diff::{
        CHANGELOG, Mode, RELEASED, compare,
        release::{Changelog, Release, Version},
        run,
    },
    workspace::{CONTRACT, CONTRACT_JSON},
};

const BREAKING: Edit = ("UserId/minLength", Value::Null);
const DECLARED: &str = "- Breaking: `UserId` must not be short.";

/// The contract in some version, with a user's id that must have at least so many characters.
fn version(version: &str, least: u8) -> Value {
    let mut contract = edited(&contract(), &[("UserId/minLength", json!(least))]);
    *contract.pointer_mut("/info/x-contract-version").unwrap() = json!(version);
    contract
}

/// Whether nothing is left to be done for any difference.
fn declared(old: &Value, new: &Value, changelog: &str) -> bool {
    let (release, changelog) = (Release::of(Some(old), new).unwrap(), Changelog::parse(changelog));
    compare(old, new).iter().all(|finding| release.undone(finding, &changelog).is_empty())
}

#[test]
fn a_change_is_declared_by_the_version_and_a_line_for_what_it_breaks() {
    for (old, new, breaking, addition) in [
        ("0.2.0", "0.2.0", false, false),
        ("0.2.0", "0.2.1", false, true),
        ("0.2.0", "0.3.0", true, true),
        ("0.2.0", "1.0.0", true, true),
        ("1.2.0", "1.2.9", false, false),
        ("1.2.0", "1.3.0", false, true),
        ("1.2.0", "2.0.0", true, true),
        ("1.2.0", "1.1.0", false, false),
    ] {
        let changelog = format!("## [{new}] - 2026-11-24\n\n### Changed\n\n{DECLARED}\n");
        assert_eq!(declared(&version(old, 2), &version(new, 3), &changelog), breaking, "{old} to {new}");
        assert_eq!(declared(&version(old, 3), &version(new, 2), &changelog), addition, "{old} to {new}");
    }
}

#[test]
fn a_line_declares_only_what_it_names_in_the_version_that_it_is_under() {
    let (old, new) = (version("0.2.0", 2), version("0.3.0", 3));
    for (changelog, expected) in [
        ("## [0.3.0]\n- Breaking: ids of users (`UserId`) grew.\n", true),
        ("## [0.3.0]\n- Breaking: ids of\n  users, `UserId`, grew.\n", true),
        ("## [0.3.0]\n- Breaking: `ThingId` grew.\n- Breaking: `UserId` grew.\n", true),
        ("## [0.3.0]\n- `UserId` grew.\n", false),
        ("## [0.3.0]\n- Breaking: UserId grew.\n", false),
        ("## [0.3.0]\n- Breaking: `ThingId` grew.\n", false),
        ("## [0.3.0]\n\n## [0.2.0]\n- Breaking: `UserId` grew.\n", false),
        ("## [Unreleased]\n- Breaking: `UserId` grew.\n\n## [0.3.0]\n", false),
        ("", false),
    ] {
        assert_eq!(declared(&old, &new, changelog), expected, "{changelog}");
    }
}

#[test]
fn words_need_no_version() {
    let old = version("1.2.0", 2);
    assert!(declared(&old, &edited(&old, &[("UserId/description", json!("Words."))]), ""));
}

#[test]
fn what_is_to_be_done_names_the_version_and_what_broke() {
    let (old, new) = (version("0.2.0", 2), version("0.2.1", 3));
    let release = Release::of(Some(&old), &new).unwrap();
    let findings = compare(&old, &new);
    let finding = findings.first().unwrap();
    assert_eq!(
        finding.to_string(),
        "breaking: /components/schemas/UserId/minLength: was 2, is 3\n    breaks senders: what they may send today is \
         refused"
    );
    assert_eq!(
        release.undone(finding, &Changelog::default()),
        [
            "raise info.x-contract-version to 0.3.0 or more: it is 0.2.1, and 0.2.0 was released",
            "say in openapi/CHANGELOG.md, under that version, in a line that starts with `- Breaking:` and names \
             `UserId` in backquotes, what became of it",
        ]
    );
}

#[test]
fn a_finding_is_declared_under_the_name_that_people_know() {
    let contract = contract();
    for (edit, subject) in [
        (BREAKING, "UserId"),
        (("/paths/~1v2~1collect", Value::Null), "/v2/collect"),
        (("@/operationId", json!("collect_events")), "collect"),
        (("@/responses/200", Value::Null), "collect"),
        (("/components/headers/RetryAfter/schema/type", json!("integer")), "RetryAfter"),
        (("/servers", json!([])), "servers"),
        (("/security", json!([{"key": []}])), "security"),
    ] {
        let findings = compare(&contract, &edited(&contract, &[edit]));
        assert!(findings.iter().all(|finding| finding.subject == subject), "{subject}: {findings:?}");
        assert!(!findings.is_empty(), "{subject}");
    }
}

#[test]
fn a_release_is_refused_without_a_new_version_and_its_entry() {
    let said = "## [0.3.0]\n- Breaking: `UserId` grew.\n";
    for (old, new, changelog, expected) in [
        (Some("0.2.0"), "0.3.0", said, &[][..]),
        (None, "0.3.0", said, &[]),
        (None, "0.3.0", "", &["openapi/CHANGELOG.md says nothing under a heading `## [0.3.0]`"]),
        (
            Some("0.2.0"),
            "0.3.0",
            "## [0.3.0]\n",
            &[
                "openapi/CHANGELOG.md says nothing under a heading `## [0.3.0]`",
                "1 of the changes above are not declared",
            ],
        ),
        (
            Some("0.3.0"),
            "0.3.0",
            said,
            &[
                "info.x-contract-version is 0.3.0, and 0.3.0 was released: raise it",
                "1 of the changes above are not declared",
            ],
        ),
        (
            Some("0.4.0"),
            "0.3.0",
            said,
            &[
                "info.x-contract-version is 0.3.0, and 0.4.0 was released: raise it",
                "1 of the changes above are not declared",
            ],
        ),
        (
            Some("0.2.0"),
            "0.3.0",
            "## [0.3.0]\n- `UserId` grew.\n",
            &["1 of the changes above are not declared"],
        ),
    ] {
        let (old, new) = (old.map(|old| version(old, 2)), version(new, 3));
        let findings = old.as_ref().map(|old| compare(old, &new)).unwrap_or_default();
        let release = Release::of(old.as_ref(), &new).unwrap();
        assert_eq!(release.refusals(&findings, &Changelog::parse(changelog)), expected, "{changelog}");
    }
}

#[test]
fn a_version_has_three_numbers() {
    for text in ["0.2.0", "10.20.30"] {
        assert_eq!(Version::parse(text).unwrap().to_string(), text);
    }
    for text in ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.x", "+1.2.3", "1.2.3-rc1"] {
        assert!(Version::parse(text).is_none(), "{text}");
    }
    assert!(Release::of(None, &json!({"info": {"x-contract-version": "1.0"}})).is_err());
}

#[test]
fn a_release_is_what_the_next_contract_is_compared_with() {
    let root = std::env::temp_dir().join(format!("xtask-diff-{}", std::process::id()));
    fs::create_dir_all(root.join("openapi")).unwrap();
    let write = |file: &str, text: &str| fs::write(root.join(file), text).unwrap();
    let contract_is = |contract: &Value| write(CONTRACT, &contract.to_string());
    let released = || fs::read_to_string(root.join(RELEASED)).ok();
    let as_json = |contract: &Value| Some(format!("{contract:#}\n"));

    let first = version("0.1.0", 2);
    contract_is(&first);
    write(CHANGELOG, "");
    assert!(!run(&root, Mode::Release).unwrap());
    assert_eq!(released(), None);
    write(CHANGELOG, "## [0.1.0]\n- The first.\n");
    assert!(run(&root, Mode::Release).unwrap());
    assert_eq!(released(), as_json(&first));
    assert!(run(&root, Mode::Check).unwrap());
    assert!(!run(&root, Mode::Release).unwrap());

    let second = version("0.2.0", 3);
    contract_is(&second);
    // What the last `gen` made is not asked.
    write(CONTRACT_JSON, &first.to_string());
    assert!(!run(&root, Mode::Check).unwrap());
    write(CHANGELOG, &format!("## [0.2.0]\n{DECLARED}\n"));
    assert!(run(&root, Mode::Check).unwrap());
    assert!(run(&root, Mode::Release).unwrap());
    assert_eq!(released(), as_json(&second));
    fs::remove_dir_all(root).unwrap();
}
