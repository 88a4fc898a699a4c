//! What was found, a line each, as soon as it is.

use serde_json::json;

use crate::{exit::Exit, out};

/// Prints what the checks find, and remembers how the program is to end.
pub(super) struct Report {
    json: bool,
    ok: usize,
    warn: usize,
    fail: usize,
    /// What the first failure means: the later ones may be due to it.
    exit: Exit,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self { json, ok: 0, warn: 0, fail: 0, exit: Exit::Done }
    }

    /// It is as it should be.
    pub(super) fn ok(&mut self, check: &str, found: &str) {
        self.ok += 1;
        self.print("ok", check, found, None);
    }

    /// It works, and may not go on working.
    pub(super) fn warn(&mut self, check: &str, found: &str, advice: &str) {
        self.warn += 1;
        self.print("warn", check, found, Some(advice));
    }

    /// It does not work. Where `found` says what to do, there is no other advice.
    pub(super) fn fail<'a>(
        &mut self,
        exit: Exit,
        check: &str,
        found: &str,
        advice: impl Into<Option<&'a str>>,
    ) {
        if self.fail == 0 {
            self.exit = exit;
        }
        self.fail += 1;
        self.print("fail", check, found, advice.into());
    }

    /// The summary.
    pub(super) fn end(self) -> Exit {
        let Self { json, ok, warn, fail, exit } = self;
        if json {
            out::json(&json!({ "summary": { "ok": ok, "warn": warn, "fail": fail } }));
        } else {
            out::line(&format!("{ok} ok, {warn} to look at, {fail} failed"));
        }
        exit
    }

    fn print(&self, result: &str, check: &str, found: &str, advice: Option<&str>) {
        if self.json {
            out::json(&json!({ "result": result, "check": check, "found": found, "advice": advice }));
            return;
        }
        let advice = advice.map(|advice| format!("; {advice}")).unwrap_or_default();
        out::line(&format!("{result:<4} {check}: {found}{advice}"));
    }
}
