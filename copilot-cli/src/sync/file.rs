//! An input as bytes: what it is, what it holds as a hash, and whether its quotes and line ends are sound.
//!
//! The reader of CSV takes whatever comes: a quote that is never closed makes one value of all rows behind it. So the bytes are looked
//! at before it has them.

use std::{
    collections::VecDeque,
    error::Error,
    fmt,
    fs::File,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::exit::Failure;

/// The most bytes of a row. Nothing that Copilot.cx takes comes near it.
pub(super) const MOST_OF_A_ROW: usize = 1 << 20;

/// What a file held, without what it held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    /// A JSON object a line.
    Lines,
}

/// An input that can be read again and again.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    pub(super) format: Format,
}

impl Input {
    /// Looks at the beginning of the file.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let broken = |words: &str| Failure::usage(format!("{}: {words}", path.display()));
        let unreadable = |error: io::Error| broken(&format!("cannot be read: {error}"));
        let mut file = File::open(path).map_err(unreadable)?;
        if !file.metadata().map_err(unreadable)?.is_file() {
            return Err(broken("is no file. It is read more than once, so write it to one first"));
        }
        let mut head = Vec::new();
        file.by_ref().take(4).read_to_end(&mut head).map_err(unreadable)?;
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
        let extension = extension.as_deref().and_then(|extension| extension.to_str());
        let format = match (head.as_slice(), extension) {
            ([], _) => {
                return Err(broken(
                    "is empty. Of CSV, the first line names the columns, even where there are no rows",
                ));
            }
            ([0x1f, 0x8b, ..], _) => return Err(broken("is compressed by gzip: `gunzip` it first")),
            ([0xef, 0xbb, 0xbf, ..], _) => {
                return Err(broken(
                    "begins with a byte order mark: save it as UTF-8 without one, or `sed -i '1s/^\\xEF\\xBB\\xBF//'` it",
                ));
            }
            ([0xff, 0xfe, ..] | [0xfe, 0xff, ..], _) => {
                return Err(broken(
                    "is UTF-16: save it as UTF-8, or convert it by `iconv -f UTF-16 -t UTF-8`",
                ));
            }
            ([b'[', ..], _) => {
                return Err(broken(
                    "is a JSON array, and is to be an object a line: `jq -c '.[]'` makes that",
                ));
            }
            (_, Some("csv")) => Format::Csv,
            (_, Some("ndjson" | "jsonl" | "json")) | ([b'{', ..], _) => Format::Lines,
            _ => Format::Csv,
        };
        Ok(Self { path: path.to_owned(), format })
    }

    pub(super) fn reader(&self) -> Result<Inspected<File>, Failure> {
        let file = File::open(&self.path).map_err(|error| self.unreadable(&error))?;
        Ok(Inspected::new(file, self.format))
    }

    pub(super) fn unreadable(&self, error: &io::Error) -> Failure {
        Failure::usage(format!("{}: cannot be read: {error}", self.path.display()))
    }

    /// It breaks a rule at that line.
    pub(super) fn broken(&self, line: u64, words: &str) -> Failure {
        Failure::usage(format!("{}:{line}: {words}", self.path.display()))
    }
}

/// Reads, hashes, and looks at what it reads.
pub(super) struct Inspected<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
    rows: Option<CsvRows>,
}

impl<R: Read> Inspected<R> {
    fn new(inner: R, format: Format) -> Self {
        let rows = (format == Format::Csv).then(CsvRows::default);
        Self { inner, hash: Sha256::new(), bytes: 0, rows }
    }

    /// The line at which the next row of a CSV file begins, where the reader has come to one. (Its own count is off behind
    /// empty lines and CR LF.)
    pub(super) fn next_row(&mut self) -> u64 {
        self.rows.as_mut().and_then(|rows| rows.begun.pop_front()).unwrap_or_default()
    }

    /// What was read so far.
    pub(super) fn content(&self) -> Content {
        let sha256 = self.hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Content { bytes: self.bytes, sha256 }
    }
}

impl<R: Read> Read for Inspected<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        if let Some(rows) = &mut self.rows {
            rows.inspect(bytes).map_err(|broken| io::Error::new(ErrorKind::InvalidData, broken))?;
        }
        Ok(read)
    }
}

/// What is wrong with the bytes of a CSV file, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) line: u64,
    pub(super) words: &'static str,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.words)
    }
}

impl Error for Broken {}

/// Where in a row the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Start,
    Bare,
    Quoted,
    /// Behind a quote, which closes the value or is the first of two.
    Quote,
    /// Behind a CR.
    Return,
}

/// Follows the rows of a CSV file byte by byte (RFC 4180).
#[derive(Debug)]
struct CsvRows {
    place: Place,
    line: u64,
    /// Where the last value in quotes began.
    opened: u64,
    /// The bytes of the row so far.
    row: usize,
    /// Whether lines end with CR LF, once one has ended.
    returns: Option<bool>,
    /// The lines at which the rows begin that the reader of CSV has not given yet.
    begun: VecDeque<u64>,
}

impl Default for CsvRows {
    fn default() -> Self {
        Self { place: Place::Start, line: 1, opened: 1, row: 0, returns: None, begun: VecDeque::new() }
    }
}

impl CsvRows {
    /// Takes the next bytes; none at the end of the file.
    fn inspect(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        if bytes.is_empty() && self.place == Place::Quoted {
            return Err(Broken { line: self.opened, words: "a quote is opened here and never closed" });
        }
        bytes.iter().try_for_each(|byte| self.take(*byte))
    }

    fn take(&mut self, byte: u8) -> Result<(), Broken> {
        let (line, opened) = (self.line, self.opened);
        let broken = |words| Err(Broken { line, words });
        if self.row == 0 && !matches!(byte, b'\r' | b'\n') {
            self.begun.push_back(line);
        }
        self.row += 1;
        if self.row > MOST_OF_A_ROW {
            return Err(Broken {
                line: if self.place == Place::Quoted { opened } else { line },
                words: "a row of more than 1 MiB begins here: is a closing quote missing?",
            });
        }
        self.place = match (self.place, byte) {
            (Place::Return, b'\n') => return self.end_row(true),
            (Place::Return, _) => {
                return broken("a line ends with CR alone: end all with LF, as `tr '\\r' '\\n'` does");
            }
            (Place::Quoted, b'"') => Place::Quote,
            (Place::Quoted, _) => {
                self.line += u64::from(byte == b'\n');
                Place::Quoted
            }
            (Place::Start, b'"') => {
                self.opened = line;
                Place::Quoted
            }
            (Place::Quote, b'"') => Place::Quoted,
            (Place::Bare, b'"') => {
                return broken(
                    "a quote stands inside a value that does not begin with one: put the value into quotes, and double those in it",
                );
            }
            (_, b',') => Place::Start,
            (_, b'\r') => Place::Return,
            (_, b'\n') => return self.end_row(false),
            (Place::Quote, _) => {
                return broken(
                    "text stands behind a closing quote: double the quotes that belong to the value",
                );
            }
            (Place::Start | Place::Bare, _) => Place::Bare,
        };
        Ok(())
    }

    fn end_row(&mut self, returns: bool) -> Result<(), Broken> {
        if *self.returns.get_or_insert(returns) != returns {
            return Err(Broken {
                line: self.line,
                words: "this line ends otherwise than those before it (LF, CR LF): `dos2unix` the file",
            });
        }
        self.line += 1;
        (self.place, self.row) = (Place::Start, 0);
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{fs, io::Read as _};

    use super::{Broken, CsvRows, Format, Input, Inspected, MOST_OF_A_ROW};

    fn inspect(text: &str) -> Result<(), Broken> {
        let mut rows = CsvRows::default();
        rows.inspect(text.as_bytes())?;
        rows.inspect(b"")
    }

    #[test]
    fn sound_csv_passes_and_broken_csv_is_refused_at_its_line() {
        for sound in ["a,b\n1,2\n", "a,b\r\n1,2\r\n", "a\n\"1,\n\"\"2\"\"\"\n\n3", "a\n\"\"\n", "a,\n,\n"] {
            assert_eq!(inspect(sound), Ok(()), "{sound:?}");
        }
        for (broken, line, words) in [
            ("a,b\n1,\"2\n3,4\n", 2, "never closed"),
            ("a\nx\"y\"\n", 2, "does not begin with one"),
            ("a\n\"x\"y\n", 2, "behind a closing quote"),
            ("a\n\"x\n\n\"y\n", 4, "behind a closing quote"),
            ("a\r\nb\r\nc\n", 3, "otherwise"),
            ("a\nb\r\n", 2, "otherwise"),
            ("a\rb\r", 1, "CR alone"),
        ] {
            let error = inspect(broken).unwrap_err();
            assert!(error.line == line && error.words.contains(words), "{broken:?}: {error}");
        }
        let endless = format!("a\n1\n\"{}", "x".repeat(MOST_OF_A_ROW));
        assert_eq!(inspect(&endless).unwrap_err().line, 3);
    }

    #[test]
    fn the_same_bytes_have_the_same_content_however_they_are_read() {
        let content = |chunk: usize, text: &str| {
            let mut reader = Inspected::new(text.as_bytes(), Format::Csv);
            let mut buffer = vec![0; chunk];
            while reader.read(&mut buffer).unwrap() > 0 {}
            reader.content()
        };
        assert_eq!(content(1, "a,b\n1,\"2\"\n"), content(64, "a,b\n1,\"2\"\n"));
        assert_ne!(content(64, "a,b\n1,2\n"), content(64, "a,b\n1,3\n"));
    }

    #[test]
    fn what_is_no_csv_and_no_ndjson_says_what_to_do() {
        let folder = crate::sync::folder::Folder::new();
        for (name, bytes, words) in [
            ("empty.csv", &b""[..], "is empty"),
            ("zip.csv", b"\x1f\x8b\x08\0", "gunzip"),
            ("mark.csv", b"\xef\xbb\xbfuser_id\n", "byte order mark"),
            ("wide.csv", b"\xff\xfeu\0", "iconv"),
            ("array.json", b"[{}]", "jq"),
        ] {
            fs::write(folder.join(name), bytes).unwrap();
            let failure = Input::open(&folder.join(name)).unwrap_err();
            assert!(failure.words.contains(words) && failure.words.contains(name), "{}", failure.words);
        }
        assert!(Input::open(&folder.join("missing.csv")).is_err());
        assert!(Input::open(&folder).is_err());
        for (name, bytes, format) in [
            ("a.csv", "{", Format::Csv),
            ("a.ndjson", "x", Format::Lines),
            ("a", "{", Format::Lines),
            ("b", "user_id", Format::Csv),
        ] {
            fs::write(folder.join(name), bytes).unwrap();
            assert_eq!(Input::open(&folder.join(name)).unwrap().format, format);
        }
    }
}
