//! Room on the disk that is given up when it is full, so that what was delivered can still be deleted.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io::{self, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// As much as a full disk must have left: what the journal holds can be written into the database, and the journal be used from
/// its start again, so that deleting needs no more room from then on. `open::JOURNAL` and `inbox::AT_ONCE` bound the journal;
/// a test holds them below this.
pub(super) const SIZE: u64 = 4 * 1024 * 1024;

/// How much of it is given up at once: others may be as quick, and want it as well.
const STEP: u64 = SIZE / 8;

/// How long a disk that was full is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// A file beside the outbox. It also marks the outbox as one: it is there before the outbox is, and stays.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    size: u64,
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
        let size = path.metadata().map_or(0, |file| file.len());
        Self { path, size, tried: None }
    }

    /// Whether it is whole. Makes it again, if some was given up and the disk has room by now.
    pub(super) fn is_whole(&mut self) -> bool {
        if self.size < SIZE && self.tried.is_none_or(|tried| tried.elapsed() >= PAUSE) {
            self.tried = Some(Instant::now());
            match self.fill() {
                Ok(()) => self.size = SIZE,
                Err(_) => self.cut(self.size),
            }
        }
        self.size >= SIZE
    }

    /// Whether the disk was full, and may still be.
    pub(super) fn is_given_up(&self) -> bool {
        self.size < SIZE
    }

    /// Gives some of the room back to the disk. False, where there is none left.
    pub(super) fn give_up(&mut self) -> bool {
        let is_left = self.size > 0;
        self.tried = Some(Instant::now());
        self.cut(self.size.min(SIZE).saturating_sub(STEP));
        is_left
    }

    /// Makes it smaller. One that cannot be has nothing to give up.
    fn cut(&mut self, size: u64) {
        let file = OpenOptions::new().write(true).open(&self.path);
        self.size = if file.is_ok_and(|file| file.set_len(size).is_ok()) { size } else { 0 };
    }

    /// Fills it with what no file system makes smaller.
    fn fill(&self) -> io::Result<()> {
        let mut file = create(&self.path)?;
        file.seek(SeekFrom::Start(self.size))?;
        let mut block = vec![0; 64 * 1024];
        for _ in 0..SIZE.saturating_sub(self.size).div_ceil(block.len() as u64) {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Reserve, SIZE};

    #[test]
    fn a_reserve_that_somebody_removed_is_given_up_for_good() {
        let outbox = std::env::temp_dir().join(format!("copilot-reserve-{}", std::process::id()));
        std::fs::write(Reserve::path_of(&outbox), vec![0; SIZE as usize]).unwrap();
        let mut reserve = Reserve::new(&outbox);
        assert!(reserve.is_whole());
        std::fs::remove_file(Reserve::path_of(&outbox)).unwrap();
        let given = (0..100).take_while(|_| reserve.give_up()).count();
        assert!(given < 100, "whoever deletes tries until nothing is left to be given up");
    }
}
