//! Room on the disk that is given up when it is full, so that what was delivered can still be deleted.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// As much as a full disk must have left: what the journal holds can be written into the database, and the journal be used from
/// its start again, so that deleting needs no more room from then on. `worker::JOURNAL` and `worker::AT_ONCE` bound the journal;
/// a test holds them below this.
pub(super) const SIZE: u64 = 4 * 1024 * 1024;

/// How long a disk that was full is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// A file beside the outbox. It also marks the outbox as one: it is there before the outbox is, and stays.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    full: bool,
    tried: Option<Instant>,
}

impl Reserve {
    /// Where that of an outbox is.
    pub(super) fn path_of(outbox: &Path) -> PathBuf {
        let mut name = OsString::from(outbox);
        name.push(".reserve");
        name.into()
    }

    pub(super) fn new(outbox: &Path) -> Self {
        let path = Self::path_of(outbox);
        let full = path.metadata().is_ok_and(|file| file.len() >= SIZE);
        Self { path, full, tried: None }
    }

    /// Whether there is room to give up. Makes it again, if it was given up and the disk has room by now.
    pub(super) fn is_full(&mut self) -> bool {
        if !self.full && self.tried.is_none_or(|tried| tried.elapsed() >= PAUSE) {
            self.tried = Some(Instant::now());
            self.full = self.fill().is_ok();
            if !self.full {
                self.give_up();
            }
        }
        self.full
    }

    /// Gives the room back to the disk.
    pub(super) fn give_up(&mut self) {
        self.full = false;
        self.tried = Some(Instant::now());
        if let Ok(file) = OpenOptions::new().write(true).open(&self.path) {
            let _ = file.set_len(0);
        }
    }

    /// Fills it with what no file system makes smaller.
    fn fill(&self) -> io::Result<()> {
        let mut file = create(&self.path)?;
        file.set_len(0)?;
        let mut block = vec![0; 64 * 1024];
        for _ in 0..SIZE / block.len() as u64 {
            fastrand::fill(&mut block);
            file.write_all(&block)?;
        }
        file.sync_all()
    }
}

/// Opens a file of this user alone for writing, and makes it where there is none.
pub(super) fn create(path: &Path) -> io::Result<File> {
    private(OpenOptions::new().write(true).create(true).truncate(false)).open(path)
}

/// Makes a file of this user alone. An error, where there is one.
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    private(OpenOptions::new().write(true).create_new(true)).open(path)
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

/// Elsewhere who may read it is up to its folder.
#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}
