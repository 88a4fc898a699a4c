//! `cargo xtask soak`: the long forms of what `cargo xtask ci` runs the short forms of.

use std::path::Path;

use crate::{crash, failure::Failure};

/// A long form. `false`: what it checks is not so.
type Member = (&'static str, fn(&Path) -> Result<bool, Failure>);

const MEMBERS: &[Member] = &[("crash --kills 200", |root| crash::run(root, &crash::Options::long()))];

/// Runs all of them. `false` when one failed.
pub(crate) fn run(root: &Path) -> Result<bool, Failure> {
    let mut good = true;
    for (name, work) in MEMBERS {
        println!("\n==> {name}");
        good &= work(root)?;
    }
    Ok(good)
}
