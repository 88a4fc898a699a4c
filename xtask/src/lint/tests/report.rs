//! What a run says at its end.

use std::time::Duration;

use crate::{
    failure::Failure,
    lint::{
        Outcome, Report,
        linters::{Finding, Linter},
        table,
    },
};

fn reports() -> Vec<Report> {
    let finding = Finding {
        file: 0,
        line: Some(3),
        pointer: "/info".to_owned(),
        rule: "r".to_owned(),
        problem: "m".to_owned(),
    };
    let outcomes = [
        Outcome::Found("0.1.0".to_owned(), Vec::new()),
        Outcome::Found("2.77.0".to_owned(), vec![finding]),
        Outcome::NotInstalled,
        Outcome::Failed(Failure::Unexpected("odd".to_owned())),
    ];
    let report = |(linter, outcome)| Report { linter, outcome, took: Duration::from_millis(1240) };
    Linter::ALL.into_iter().zip(outcomes).map(report).collect()
}

#[test]
fn the_table_has_a_line_for_each_linter() {
    let expected = "\
linter                  version   findings   seconds
rules of this contract  0.1.0            0       1.2
Redocly CLI             2.77.0           1       1.2
Spectral                           SKIPPED       1.2
openapi-spec-validator              FAILED       1.2
";
    assert_eq!(table(&reports()), expected);
}

#[test]
fn a_linter_that_is_not_installed_fails_the_run_in_ci_alone() {
    let passes = |in_ci| reports().iter().map(|report| report.passes(in_ci)).collect::<Vec<_>>();
    assert_eq!(passes(false), [true, false, true, false]);
    assert_eq!(passes(true), [true, false, false, false]);
}
