//! `cargo xtask lint --prove`: the linters look at copies of the contract, each with one defect.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use copilot_codegen::Contract;

use super::{
    Outcome, Report,
    defects::{self, Defect},
    linters::{Finding, Linter},
    reports,
};
use crate::{
    failure::Failure,
    workspace::{CONTRACT, Workspace, in_ci},
};

/// What the linters said about each defect.
pub(super) struct Proof {
    pub(super) rows: Vec<(Defect, Vec<Linter>)>,
    pub(super) reports: Vec<Report>,
}

/// Prints which linters catch each defect. `false` when one that must catch it does not, and in CI when one is not
/// installed.
pub(crate) fn prove(root: &Path) -> Result<bool, Failure> {
    let folder = Workspace::read(root)?.target.join("lint");
    let proof = proof(root, &folder)?;
    for report in &proof.reports {
        if !matches!(report.outcome, Outcome::Found(..)) {
            report.print(&[]);
        }
    }
    println!("{}", proof.table());
    let missed = proof.missed();
    for line in &missed {
        println!("{line}");
    }
    let ran = |report: &Report| match report.outcome {
        Outcome::Found(..) => true,
        Outcome::NotInstalled => !in_ci(),
        Outcome::Failed(_) => false,
    };
    Ok(missed.is_empty() && proof.reports.iter().all(ran))
}

/// Writes the copies into the folder and lets every linter look at them.
pub(super) fn proof(root: &Path, folder: &Path) -> Result<Proof, Failure> {
    let path = root.join(CONTRACT);
    let text = fs::read_to_string(&path).map_err(Failure::reading(path))?;
    let contract = Contract::parse(&text).map_err(|source| Failure::Contract { file: CONTRACT, source })?;

    fs::create_dir_all(folder).map_err(Failure::writing(folder))?;
    let write = |name: &str, document: &serde_json::Value| {
        let path = folder.join(format!("{}.json", name.replace(' ', "-")));
        fs::write(&path, format!("{document:#}")).map_err(Failure::writing(&path))?;
        Ok(path)
    };
    // Against the untouched copy, what is found in the others is the defect.
    let mut files: Vec<PathBuf> = vec![write("untouched", contract.root())?];
    let defects = defects::all();
    for defect in &defects {
        let mut document = contract.root().clone();
        defect.edit.apply(&mut document).map_err(|pointer| {
            Failure::Unexpected(format!(
                "the defect \"{}\" is out of date: {pointer} is not there",
                defect.name
            ))
        })?;
        files.push(write(defect.name, &document)?);
    }
    let reports = reports(root, &files);
    let rows = defects.into_iter().enumerate().map(|(at, defect)| {
        let caught = reports.iter().filter(|report| report.catches(at + 1)).map(|report| report.linter);
        (defect, caught.collect())
    });
    Ok(Proof { rows: rows.collect(), reports })
}

impl Report {
    /// Whether it finds in that copy what it does not find in the untouched one.
    fn catches(&self, copy: usize) -> bool {
        let Outcome::Found(_, found) = &self.outcome else { return false };
        let of =
            |file| found.iter().filter(move |finding: &&Finding| finding.file == file).map(Finding::said);
        let untouched: BTreeSet<_> = of(0).collect();
        of(copy).any(|said| !untouched.contains(&said))
    }
}

impl Finding {
    fn said(&self) -> (&str, &str, &str) {
        (&self.pointer, &self.rule, &self.problem)
    }
}

impl Proof {
    fn ran(&self) -> impl Iterator<Item = Linter> {
        self.reports
            .iter()
            .filter(|report| matches!(report.outcome, Outcome::Found(..)))
            .map(|report| report.linter)
    }

    /// What a linter that ran must have caught and did not.
    pub(super) fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        for (defect, caught) in &self.rows {
            for linter in self.ran().filter(|linter| defect.by.contains(linter) && !caught.contains(linter)) {
                missed.push(format!("{} does not catch: {}", linter.name(), defect.name));
            }
        }
        missed
    }

    pub(super) fn table(&self) -> String {
        let width = self.rows.iter().map(|(defect, _)| defect.name.len()).max().unwrap_or_default();
        let names: Vec<&str> = self.ran().map(Linter::name).collect();
        let mut text = format!("{:<width$}  {}\n", "defect", names.join("  "));
        for (defect, caught) in &self.rows {
            text.push_str(&format!("{:<width$}", defect.name));
            for linter in self.ran() {
                let mark = if caught.contains(&linter) { "caught" } else { "-" };
                text.push_str(&format!("  {mark:<0$}", linter.name().len()));
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        let seconds = |report: &Report| format!("{} {:.1}", report.linter.name(), report.took.as_secs_f64());
        let took: Vec<String> = self.reports.iter().map(seconds).collect();
        text.push_str(&format!("{} copies, seconds: {}\n", self.rows.len() + 1, took.join(", ")));
        text
    }
}
