//! A folder for a test.

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
};

/// A new folder, which is removed at the end.
pub(super) struct Folder(PathBuf);

impl Folder {
    #[allow(clippy::unwrap_used)]
    pub(super) fn new() -> Self {
        let name = format!("copilot-cx-{}-{}", std::process::id(), copilot_api::new_event_id().as_str());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
