//! The oldest glibc that a program can be started with.

use std::{path::Path, process::Command};

use crate::{failure::Failure, workspace::printed};

/// The version in words: that of the newest symbol that it takes from glibc.
pub(super) fn needed(program: &Path) -> Result<String, Failure> {
    let listing = printed(Command::new("readelf").args(["--wide", "--version-info"]).arg(program))?;
    Ok(match newest(&listing) {
        Some(version) => {
            let numbers: Vec<String> = version.iter().map(u32::to_string).collect();
            format!("glibc {} or newer", numbers.join("."))
        }
        None => "no glibc".to_owned(),
    })
}

/// The greatest of the versions `GLIBC_…` that readelf lists.
fn newest(listing: &str) -> Option<Vec<u32>> {
    let version = |word: &str| {
        let numbers = word.strip_prefix("GLIBC_")?.split('.').map(str::parse);
        // `GLIBC_PRIVATE` has none.
        numbers.collect::<Result<Vec<u32>, _>>().ok()
    };
    listing.split_whitespace().filter_map(version).max()
}

#[cfg(test)]
mod tests {
    use super::newest;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let listing = "\
  000000: Version: 1  File: libc.so.6  Cnt: 3
  0x0010:   Name: GLIBC_2.4  Flags: none  Version: 4
  0x0020:   Name: GLIBC_2.28  Flags: none  Version: 3
  0x0030:   Name: GLIBC_2.2.5  Flags: none  Version: 2
  0x0040:   Name: GLIBC_PRIVATE  Flags: none  Version: 5
  0x0050: Version: 1  File: libgcc_s.so.1  Cnt: 1
  0x0060:   Name: GCC_3.3  Flags: none  Version: 6
";
        assert_eq!(newest(listing), Some(vec![2, 28]));
        assert_eq!(newest("No version information found in this file."), None);
    }
}
