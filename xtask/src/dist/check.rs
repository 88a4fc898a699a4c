//! Whether what was made can be installed and used.

use std::{
    env,
    ffi::OsString,
    fs,
    path::Path,
    process::{self, Command, Stdio},
};

use crate::{
    failure::Failure,
    tool::Tool,
    workspace::{in_ci, printed, shown, succeeds},
};

/// The oldest Debian that the package is for: a binary that needs a newer glibc cannot be installed there.
const OLDEST: &str = "bookworm";
/// The unit, from the workspace's root.
const UNIT: &str = "packaging/copilot-cx-relay.service";
/// What is tried where it is installed, from the workspace's root.
const TRIAL: &str = "xtask/src/dist/installed.sh";

/// Every check whose tool is there. `false` when one fails; where a machine checks, also when one is skipped.
pub(super) fn all(root: &Path, folder: &Path, package: &Path) -> Result<bool, Failure> {
    let mut good = true;
    let mut check = |what: &str, tool: Tool, passes: &dyn Fn() -> Result<bool, Failure>| {
        if !tool.is_installed(root) {
            tool.skip(what);
            good &= !in_ci();
            return Ok(());
        }
        let passed = passes()?;
        println!("{what}: {}", if passed { "ok" } else { "FAILED" });
        good &= passed;
        Ok(())
    };
    check("what is in the package", Tool::Dpkg, &|| is_complete(folder, package))?;
    check("the unit", Tool::SystemdAnalyze, &|| unit_is_valid(root))?;
    check("an installation", Tool::Mmdebstrap, &|| can_be_installed(root, package))?;
    Ok(good)
}

/// The program, the unit, a page of each command, and what shells look for.
fn is_complete(folder: &Path, package: &Path) -> Result<bool, Failure> {
    let listing = printed(Command::new("dpkg-deb").arg("--contents").arg(package))?;
    let pages = folder.join("man");
    let pages = fs::read_dir(&pages).map_err(Failure::reading(&pages))?.flatten();
    let mut wanted: Vec<String> =
        pages.map(|page| format!("/{}.gz", page.file_name().to_string_lossy())).collect();
    wanted.push("/usr/bin/copilot-cx".to_owned());
    wanted.push("/usr/share/doc/copilot-cx/copyright".to_owned());
    wanted.push("/usr/share/doc/copilot-cx/libraries.txt".to_owned());
    wanted.push(UNIT.replace("packaging/", "/usr/lib/systemd/system/"));
    // Debian has no place for PowerShell's.
    for completions in [
        "bash-completion/completions/copilot-cx",
        "vendor_completions.d/copilot-cx.fish",
        "vendor-completions/_copilot-cx",
    ] {
        wanted.push(format!("/{completions}"));
    }
    let missing: Vec<&String> =
        wanted.iter().filter(|path| !listing.lines().any(|line| line.ends_with(path.as_str()))).collect();
    for path in &missing {
        println!("the package has no {path}");
    }
    Ok(missing.is_empty())
}

/// As systemd reads it, with a program that is there: on a machine that builds, the package is not installed.
pub(crate) fn unit_is_valid(root: &Path) -> Result<bool, Failure> {
    let (unit, copy) = (root.join(UNIT), env::temp_dir().join(format!("xtask-unit-{}", process::id())));
    let program = env::current_exe().map_err(Failure::reading("xtask"))?;
    let text = fs::read_to_string(&unit).map_err(Failure::reading(&unit))?;
    let text = text.replace("/usr/bin/copilot-cx", &program.to_string_lossy());
    fs::create_dir_all(&copy).map_err(Failure::writing(&copy))?;
    let file = copy.join("copilot-cx-relay.service");
    fs::write(&file, text).map_err(Failure::writing(&file))?;
    let mut command = Command::new("systemd-analyze");
    let output = command.args(["verify", "--man=no"]).arg(&file).stdin(Stdio::null()).output();
    let _ = fs::remove_dir_all(&copy);
    let output = output.map_err(|source| Failure::Start { command: shown(&command), source })?;
    // What it ignores, as a misspelt setting, it only says; and it speaks of the machine's own units as well.
    let said = String::from_utf8_lossy(&output.stderr);
    let about: Vec<&str> = said.lines().filter(|line| line.contains("copilot-cx-relay")).collect();
    about.iter().for_each(|line| println!("{line}"));
    Ok(output.status.success() && about.is_empty())
}

/// In a system of its own: it is installed, works as its unit starts it, and can be removed.
fn can_be_installed(root: &Path, package: &Path) -> Result<bool, Failure> {
    let mut command = Command::new("mmdebstrap");
    command.args(["--quiet", "--variant=apt", "--skip=output/dev"]);
    for (file, name) in [(package, "package.deb"), (&root.join(TRIAL), "trial.sh")] {
        let mut upload = OsString::from("--customize-hook=upload '");
        upload.push(file);
        upload.push(format!("' /{name}"));
        command.arg(upload);
    }
    for line in [
        "apt-get install --yes --no-install-recommends /package.deb >/dev/null",
        "sh /trial.sh",
        "apt-get purge --yes copilot-cx >/dev/null",
        "test ! -e /usr/bin/copilot-cx",
    ] {
        command.arg(format!("--customize-hook=chroot \"$1\" {line}"));
    }
    succeeds(command.args([OLDEST, "/dev/null"]))
}
