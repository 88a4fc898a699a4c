//! The linters catch what they are there for.

use crate::{
    lint::{
        Outcome, defects, in_ci,
        linters::Linter::{self, Own},
        proof::proof,
    },
    workspace::root,
};

#[test]
fn each_defect_is_caught_by_those_who_must_catch_it() {
    let folder = std::env::temp_dir().join(format!("xtask-lint-{}", std::process::id()));
    let proof = proof(&root().unwrap(), &folder).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    for report in &proof.reports {
        match &report.outcome {
            Outcome::Found(..) => {}
            Outcome::NotInstalled if !in_ci() => {
                let linter = report.linter;
                println!("SKIPPED: {}: {}", linter.name(), linter.how_to_install());
            }
            Outcome::NotInstalled => panic!("CI=true, and {} is not installed", report.linter.name()),
            Outcome::Failed(failure) => panic!("{}", failure.chain()),
        }
    }
    println!("{}", proof.table());
    assert_eq!(proof.missed(), Vec::<String>::new());
    for (defect, caught) in &proof.rows {
        assert!(caught.contains(&Own), "the rules of this contract do not catch: {}", defect.name);
    }
}

#[test]
fn each_linter_must_catch_something_and_each_defect_be_caught() {
    let defects = defects::all();
    for linter in Linter::ALL {
        assert!(defects.iter().any(|defect| defect.by.contains(&linter)), "{}", linter.name());
    }
    for defect in &defects {
        assert!(defect.by.contains(&Own), "{}", defect.name);
    }
}
