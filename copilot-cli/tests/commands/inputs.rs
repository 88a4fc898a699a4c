//! Bad files, and what is said of them.

use serde_json::json;

use super::{Folder, brewed, lines, program, run};

#[test]
fn a_file_that_is_none_says_what_to_do_and_nothing_is_sent() {
    let folder = Folder::new();
    folder.file("gzip", b"\x1f\x8b\x08\x00rest");
    folder.file("empty", "");
    folder.file("utf16", b"\xff\xfe{\x00}\x00");
    for command in ["validate", "collect"] {
        for (file, told) in [
            ("missing", "missing cannot be read"),
            ("gzip", "gunzip -c gzip"),
            ("empty", "is it the right file?"),
            ("utf16", "iconv -f UTF-16"),
            (".", "is a folder"),
        ] {
            let arguments: &[&str] =
                if command == "collect" { &[command, file, "--dry-run"] } else { &[command, file] };
            run(&mut program(&folder.0), arguments).expect(1, told);
        }
    }
}

#[test]
fn what_breaks_the_contract_is_shown_where_it_stands() {
    let folder = Folder::new();
    let mut wrong = brewed(1);
    wrong["payload"]["user_id"] = json!("a b");
    let long = "x".repeat(2 << 20);
    let text = format!("{}{}{{\"type\": }}\n{long}\n", lines([brewed(0)]), lines([wrong]));
    let file = folder.file("events.ndjson", &text);
    let said = run(&mut program(&folder.0), &["validate", &file]);
    said.expect(2, "4 events, 3 of them break the contract");
    for told in [
        "events.ndjson:2:",
        "error[pattern]: /payload/user_id",
        "^^^^^ documented",
        "events.ndjson:3:10",
        "events.ndjson:4",
        "longer than 1 MiB",
    ] {
        assert!(said.out.contains(told), "{told}: {}", said.out);
    }
    let said = run(&mut program(&folder.0), &["--json", "validate", &file]);
    let first: serde_json::Value = serde_json::from_str(said.out.lines().next().unwrap()).unwrap();
    let column = text.lines().nth(1).unwrap().find("\"a b\"").unwrap() + 1;
    assert_eq!(
        (&first["line"], &first["column"], &first["rule"]),
        (&json!(2), &json!(column), &json!("pattern"))
    );
    assert_eq!(said.summary(), json!({ "events": 4, "invalid": 3 }));
    let payloads = folder.file("payloads", "{\"user_id\": \"a b\"}\n");
    run(&mut program(&folder.0), &["validate", "--type", "user_deleted", &payloads])
        .expect(2, "payloads:1:13");
}

#[test]
fn usage_errors_end_with_one_and_help_with_none() {
    let folder = Folder::new();
    for arguments in [
        &["validate", "--type", "user_delighted"][..],
        &["colect"],
        &["event", "custom_event"],
        &["collect", "--rate", "0"],
    ] {
        assert_eq!(run(&mut program(&folder.0), arguments).exit, 1, "{arguments:?}");
    }
    for arguments in [&["--help"][..], &["--version"], &["event", "custom_event", "--help"]] {
        assert_eq!(run(&mut program(&folder.0), arguments).exit, 0, "{arguments:?}");
    }
}
