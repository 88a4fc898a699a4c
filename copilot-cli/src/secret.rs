//! Where the client secret comes from: a file that only its owner can read, the environment, or systemd.

use std::{
    env,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use crate::exit::Failure;

/// The name of the client secret among systemd's credentials (`LoadCredential=`).
const OF_SYSTEMD: &str = "copilot-client-secret";

/// The first line of a file that nobody but its owner can read.
pub(crate) fn from_file(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        Failure::usage(format!("the client secret cannot be read from {shown}: {error}"))
    };
    let mut file = File::open(path).map_err(unreadable)?;
    if !is_private(&file).map_err(unreadable)? {
        return Err(Failure::usage(format!(
            "the client secret in {shown} can be read by others than its owner: `chmod 600 {shown}`, and consider it known"
        )));
    }
    // Not as text: the error of what is no UTF-8 would be about its bytes.
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format!("the client secret in {shown} is not UTF-8")))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.contains(['\r', '\n']) {
        return Err(Failure::usage(format!(
            "{shown} has more than one line: it is to hold the client secret alone"
        )));
    }
    Ok(secret.to_owned())
}

/// The file that systemd has put the client secret into, if it has.
pub(crate) fn of_systemd() -> Option<PathBuf> {
    let file = PathBuf::from(env::var_os("CREDENTIALS_DIRECTORY")?).join(OF_SYSTEMD);
    file.exists().then_some(file)
}

/// Whether nobody but its owner can read a file. Of root's, a group may: so Kubernetes mounts secrets (`fsGroup`), and systemd shows credentials that it grants by an
/// access list.
#[cfg(unix)]
pub(crate) fn is_private(file: &File) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let file = file.metadata()?;
    let others_may = if file.uid() == 0 { 0o037 } else { 0o077 };
    Ok(file.mode() & others_may == 0)
}

/// Whether nobody but this user and root can have written a file.
#[cfg(unix)]
pub(crate) fn is_own(file: &File) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let file = file.metadata()?;
    let is_ours = [0, nix::unistd::geteuid().as_raw()].contains(&file.uid());
    Ok(is_ours && file.mode() & 0o002 == 0)
}

/// Who can write a file is not told by its mode there.
#[cfg(not(unix))]
pub(crate) fn is_own(file: &File) -> std::io::Result<bool> {
    file.metadata().map(|_| true)
}

/// Who can read a file is not told by its mode there.
#[cfg(not(unix))]
pub(crate) fn is_private(file: &File) -> std::io::Result<bool> {
    file.metadata().map(|_| true)
}
