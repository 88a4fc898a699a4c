//! Whether what was made can be installed and used.

use std::{ffi::OsString, fs, path::Path, process::Command};

use super::{COMPLETIONS, skip};
use crate::{
    failure::Failure,
    tool::Tool,
    workspace::{Workspace, in_ci, printed, succeeds},
};

/// The oldest Debian that the package is for: a binary that needs a newer glibc cannot be installed there.
const OLDEST: &str = "bookworm";
/// The unit, from the workspace's root.
const UNIT: &str = "packaging/copilot-cx-relay.service";

/// A check, and what it cannot do without.
type Check = (&'static str, Tool, fn(&Workspace, &Path, &Path) -> Result<bool, Failure>);

const CHECKS: [Check; 3] = [
    ("what is in the package", Tool::Dpkg, is_complete),
    ("the unit", Tool::SystemdAnalyze, unit_is_valid),
    ("an installation", Tool::Mmdebstrap, can_be_installed),
];

/// Every check whose tool is there. `false` when one fails; where a machine checks, also when one is skipped.
pub(super) fn all(workspace: &Workspace, program: &Path, package: &Path) -> Result<bool, Failure> {
    let mut good = true;
    for (what, tool, check) in CHECKS {
        if !tool.is_installed(&workspace.root) {
            skip(tool, what);
            good &= !in_ci();
            continue;
        }
        let passed = check(workspace, program, package)?;
        println!("{what}: {}", if passed { "ok" } else { "FAILED" });
        good &= passed;
    }
    Ok(good)
}

/// The program, the unit, a page of each command, and what shells look for.
fn is_complete(workspace: &Workspace, _: &Path, package: &Path) -> Result<bool, Failure> {
    let listing = printed(Command::new("dpkg-deb").arg("--contents").arg(package))?;
    let pages = workspace.target.join("release/dist/man");
    let pages = fs::read_dir(&pages).map_err(Failure::reading(&pages))?.flatten();
    let mut wanted: Vec<String> =
        pages.map(|page| format!("/{}.gz", page.file_name().to_string_lossy())).collect();
    wanted.push("/usr/bin/copilot-cx".to_owned());
    wanted.push("/usr/share/doc/copilot-cx/copyright".to_owned());
    wanted.push(UNIT.replace("packaging/", "/systemd/system/"));
    // Debian has no place for PowerShell's.
    wanted.push("/bash-completion/completions/copilot-cx".to_owned());
    let of_shell = COMPLETIONS.iter().filter(|(shell, _)| ["fish", "zsh"].contains(shell));
    wanted.extend(of_shell.map(|(_, name)| format!("/{name}")));
    let missing: Vec<&String> =
        wanted.iter().filter(|path| !listing.lines().any(|line| line.ends_with(path.as_str()))).collect();
    for path in &missing {
        println!("the package has no {path}");
    }
    Ok(missing.is_empty())
}

/// As systemd reads it, with the program where it was built.
fn unit_is_valid(workspace: &Workspace, program: &Path, _: &Path) -> Result<bool, Failure> {
    let unit = workspace.root.join(UNIT);
    let text = fs::read_to_string(&unit).map_err(Failure::reading(&unit))?;
    let copy = workspace.target.join("release/dist/copilot-cx-relay.service");
    let text = text.replace("/usr/bin/copilot-cx", &program.to_string_lossy());
    fs::write(&copy, text).map_err(Failure::writing(&copy))?;
    succeeds(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&copy))
}

/// In a system of its own, with apt and what is essential: it is installed, starts, and can be removed.
fn can_be_installed(_: &Workspace, _: &Path, package: &Path) -> Result<bool, Failure> {
    let mut copy_in = OsString::from("--customize-hook=upload '");
    copy_in.push(package);
    copy_in.push("' /package.deb");
    let mut command = Command::new("mmdebstrap");
    command.args(["--quiet", "--variant=apt", "--skip=output/dev"]).arg(copy_in);
    for line in [
        "apt-get install --yes --no-install-recommends /package.deb",
        "copilot-cx --version",
        "apt-get purge --yes copilot-cx",
        "test ! -e /usr/bin/copilot-cx",
    ] {
        command.arg(format!("--customize-hook=chroot \"$1\" {line} >/dev/null"));
    }
    succeeds(command.args([OLDEST, "/dev/null"]))
}
