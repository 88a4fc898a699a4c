//! Files of JSON, read piece by piece in constant memory: one value a line, or documents: an array, or values over several lines.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read},
    path::Path,
};

use crate::exit::Failure;

/// The longest piece: no request may be longer, and a file that is something else has lines of any length.
const LONGEST: usize = 1 << 20;
/// How much is read at once, and how much of it holds the end of a line without being searched for it.
const BUFFER: usize = 1 << 17;
const SURE: usize = 1 << 13;
const TOO_LONG: &str = "is longer than 1 MiB: is this one JSON value a line?";

/// A file, or standard input.
pub(crate) struct Input {
    /// What it is called in errors.
    name: String,
    reader: BufReader<Box<dyn Read + Send>>,
    /// The line that is read next, and in a document how many characters of it are read.
    line: u64,
    column: usize,
    buffer: Vec<u8>,
    form: Option<Form>,
    /// What was read until now was no more than space.
    is_blank: bool,
    found: Option<Place>,
    /// The array is at its end.
    is_closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// One value a line.
    Lines,
    /// The elements of an array.
    Array,
    /// Values one after the other, over several lines.
    Values,
}

/// Where the piece begins that was read last, and what is wrong with it as a piece.
#[derive(Clone, Copy, Debug)]
struct Place {
    line: u64,
    column: usize,
    problem: Option<&'static str>,
}

/// A piece of the input that is to be a JSON value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    name: &'a str,
    /// The line that it begins on, from 1.
    pub(crate) line: u64,
    /// How many characters stand before it on that line.
    pub(crate) column: usize,
    text: Result<&'a str, &'static str>,
}

impl<'a> Piece<'a> {
    /// `FILE:LINE`.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.name, self.line)
    }

    pub(crate) fn file(&self) -> &'a str {
        self.name
    }

    /// The text, or what is wrong with it before anybody reads it.
    pub(crate) fn text(&self) -> Result<&'a str, &'static str> {
        self.text
    }
}

impl Input {
    /// Opens a file; `-` is standard input.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Self::read("standard input", Box::new(io::stdin()));
        }
        let name = path.display().to_string();
        let unreadable = |error: io::Error| Failure::usage(format!("{name} cannot be read: {error}"));
        if path.is_dir() {
            return Err(Failure::usage(format!("{name} is a folder: name the files in it")));
        }
        let file = File::open(path).map_err(unreadable)?;
        Self::read(&name, Box::new(file))
    }

    fn read(name: &str, reader: Box<dyn Read + Send>) -> Result<Self, Failure> {
        let mut reader = BufReader::with_capacity(BUFFER, reader);
        let begins = reader.fill_buf().map_err(|error| unreadable(name, &error))?;
        let wrong = |words: &str| Err(Failure::usage(format!("{name} {words}")));
        match begins {
            [0x1f, 0x8b, ..] => {
                return wrong(&format!("is compressed by gzip: `gunzip -c {name} | copilot-cx … -`"));
            }
            [0x28, 0xb5, 0x2f, 0xfd, ..] => {
                return wrong(&format!("is compressed by zstd: `zstdcat {name} | copilot-cx … -`"));
            }
            [b'P', b'K', 3, 4, ..] => return wrong("is a zip archive: unpack it first"),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                return wrong(&format!("is UTF-16: `iconv -f UTF-16 -t UTF-8 {name} | copilot-cx … -`"));
            }
            [0xef, 0xbb, 0xbf, ..] => reader.consume(3),
            _ => {}
        }
        Ok(Self {
            name: name.to_owned(),
            reader,
            line: 1,
            column: 0,
            buffer: Vec::new(),
            form: None,
            is_blank: true,
            found: None,
            is_closed: false,
        })
    }

    /// The next piece; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Piece<'_>>, Failure> {
        Ok(if self.advance()? { self.piece() } else { None })
    }

    /// Reads the next piece. Whether there was one.
    pub(crate) fn advance(&mut self) -> Result<bool, Failure> {
        let place = loop {
            let found = match self.form {
                None | Some(Form::Lines) => self.next_line(),
                Some(_) => self.next_value(),
            };
            match found.map_err(|error| unreadable(&self.name, &error))? {
                // The first line that says anything says what form this has, and a document is read from there on.
                Found::Document(form) => self.form = Some(form),
                Found::Blank => {}
                Found::Piece(place) => break place,
                Found::End if self.is_blank => {
                    return Err(Failure::usage(format!("{} is empty: is it the right file?", self.name)));
                }
                Found::End => return Ok(false),
            }
        };
        self.is_blank = false;
        self.found = Some(place);
        Ok(true)
    }

    /// Whether more may be read without waiting for who writes it.
    pub(crate) fn has_more(&self) -> bool {
        let read = self.reader.buffer();
        read.len() > SURE || read.contains(&b'\n')
    }

    /// The piece that was read last.
    pub(crate) fn piece(&self) -> Option<Piece<'_>> {
        let Place { line, column, problem } = self.found?;
        let text = match (problem, std::str::from_utf8(&self.buffer)) {
            (Some(problem), _) => Err(problem),
            (None, Ok(text)) => Ok(text.trim()),
            (None, Err(_)) => Err("is not UTF-8"),
        };
        Some(Piece { name: &self.name, line, column, text })
    }

    fn next_line(&mut self) -> io::Result<Found> {
        self.buffer.clear();
        let limit = LONGEST as u64 + 1;
        if self.reader.by_ref().take(limit).read_until(b'\n', &mut self.buffer)? == 0 {
            return Ok(Found::End);
        }
        let line = self.line;
        self.line += 1;
        let text = self.buffer.trim_ascii();
        if text.is_empty() {
            return Ok(Found::Blank);
        }
        if self.form.is_none() {
            self.form = Some(Form::Lines);
            // However long the array is that one line holds, its elements are not.
            let form = match text {
                [b'[', ..] => Some(Form::Array),
                [b'{'] => Some(Form::Values),
                _ => None,
            };
            if let Some(form) = form {
                self.line -= 1;
                self.column = skipped_columns(form, &self.buffer);
                let read = std::mem::take(&mut self.buffer);
                let rest = std::mem::replace(&mut self.reader, BufReader::new(Box::new(io::empty())));
                let read = io::Cursor::new(read.get(self.column..).unwrap_or_default().to_vec());
                self.reader = BufReader::with_capacity(BUFFER, Box::new(read.chain(rest)));
                return Ok(Found::Document(form));
            }
        }
        let whole = self.buffer.len() <= LONGEST;
        if !whole && !self.buffer.ends_with(b"\n") {
            self.skip_line()?;
        }
        let column = self.buffer.len() - self.buffer.trim_ascii_start().len();
        Ok(Found::Piece(Place { line, column, problem: (!whole).then_some(TOO_LONG) }))
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let read = self.reader.fill_buf()?;
            let (length, end) = match read.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (read.len(), read.is_empty()),
            };
            self.reader.consume(length);
            if end {
                return Ok(());
            }
        }
    }

    /// The next value of a document: from its first byte to where all that it opened is closed, or to the comma or bracket after it.
    fn next_value(&mut self) -> io::Result<Found> {
        self.buffer.clear();
        let is_array = self.form == Some(Form::Array);
        let (mut depth, mut in_text, mut escaped, mut problem) = (0_u64, false, false, None);
        let mut begun: Option<(u64, usize)> = None;
        loop {
            let read = self.reader.fill_buf()?;
            if read.is_empty() {
                let (line, column) = begun.unwrap_or((self.line, self.column));
                if is_array && !std::mem::replace(&mut self.is_closed, true) {
                    let problem = Some("is where the file ends, before the array does: is all of it there?");
                    return Ok(Found::Piece(Place { line, column, problem }));
                }
                return Ok(if begun.is_some() {
                    Found::Piece(Place { line, column, problem })
                } else {
                    Found::End
                });
            }
            let (mut used, mut done) = (0, false);
            for byte in read {
                used += 1;
                let here = (self.line, self.column);
                match byte {
                    b'\n' => (self.line, self.column) = (self.line + 1, 0),
                    // Of a character of several bytes the first counts.
                    0x80..=0xbf => {}
                    _ => self.column += 1,
                }
                let ends = is_array && depth == 0 && !in_text && matches!(byte, b',' | b']');
                if ends && !self.is_closed {
                    self.is_closed = *byte == b']';
                    if begun.is_none() && *byte == b',' {
                        (begun, problem) = (Some(here), Some("is a comma with no value before it"));
                    }
                    done = true;
                    break;
                }
                if begun.is_none() {
                    if byte.is_ascii_whitespace() {
                        continue;
                    }
                    begun = Some(here);
                    problem = self.is_closed.then_some("stands after the end of the array");
                }
                match byte {
                    _ if in_text && escaped => escaped = false,
                    b'\\' if in_text => escaped = true,
                    b'"' => in_text = !in_text,
                    b'{' | b'[' if !in_text => depth += 1,
                    b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
                    _ => {}
                }
                if problem.is_none() {
                    self.buffer.push(*byte);
                    problem = (self.buffer.len() > LONGEST).then_some(TOO_LONG);
                }
                if depth == 0 && !in_text && !is_array && matches!(byte, b'}' | b']') {
                    done = true;
                    break;
                }
            }
            self.reader.consume(used);
            if done {
                return Ok(match begun {
                    Some((line, column)) => Found::Piece(Place { line, column, problem }),
                    None => Found::Blank,
                });
            }
        }
    }
}

enum Found {
    Piece(Place),
    Blank,
    Document(Form),
    End,
}

/// How many characters of the first line of a document are passed over: up to the first element of an array.
fn skipped_columns(form: Form, line: &[u8]) -> usize {
    let before = line.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    if form == Form::Array { before + 1 } else { 0 }
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::usage(format!("{name} cannot be read: {error}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn pieces(text: &[u8]) -> Result<Vec<(u64, String)>, String> {
        let reader = Box::new(BufReader::with_capacity(7, io::Cursor::new(text.to_vec())));
        let mut input = Input::read("f", reader).map_err(|failure| failure.words)?;
        let mut pieces = Vec::new();
        loop {
            match input.next() {
                Ok(Some(piece)) => {
                    pieces.push((piece.line, piece.text().map_or_else(str::to_owned, str::to_owned)));
                }
                Ok(None) => return Ok(pieces),
                Err(failure) => return Err(failure.words),
            }
        }
    }

    fn read(text: &str) -> Vec<(u64, String)> {
        pieces(text.as_bytes()).unwrap()
    }

    fn expected(pieces: &[(u64, &str)]) -> Vec<(u64, String)> {
        pieces.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
    }

    #[test]
    fn lines_arrays_and_values_are_told_apart() {
        let one = expected(&[(1, r#"{"a":1}"#), (3, r#"{"b":[2,"]"]}"#)]);
        assert_eq!(read("{\"a\":1}\n\n{\"b\":[2,\"]\"]}"), one);
        assert_eq!(read("\u{feff}{\"a\":1}\r\n\r\n  {\"b\":[2,\"]\"]}\r\n"), one);
        assert_eq!(read("[{\"a\":1},\n\n{\"b\":[2,\"]\"]}]\n"), one);
        assert_eq!(read("\n[\n  {\"a\":1}\n]"), expected(&[(3, r#"{"a":1}"#)]));
        let pretty = "{\n \"a\": \"}\\\"\"\n}\n{\n}\n";
        assert_eq!(read(pretty), expected(&[(1, "{\n \"a\": \"}\\\"\"\n}"), (4, "{\n}")]));
        let two = expected(&[(1, "{}"), (1, "is a comma with no value before it"), (1, "7")]);
        assert_eq!(read("[{},,7]"), two);
        let cut =
            expected(&[(1, "{}"), (2, "is where the file ends, before the array does: is all of it there?")]);
        assert_eq!(read("[{},\n{\"a\": "), cut);
        assert_eq!(read("[{},\n"), cut);
        assert_eq!(read("[{}]\n7"), expected(&[(1, "{}"), (2, "stands after the end of the array")]));
        // A line that is broken breaks no other.
        let broken = expected(&[(1, r#"{"a": "x"#), (2, "{}")]);
        assert_eq!(read("{\"a\": \"x\n{}\n"), broken);
    }

    #[test]
    fn what_is_no_text_of_json_says_what_to_do() {
        for (bytes, told) in [
            (&b"\x1f\x8b\x08\x00"[..], "gunzip"),
            (b"PK\x03\x04", "unpack"),
            (b"\xff\xfe{\x00", "iconv"),
            (b"", "empty"),
            (b" \n\n", "empty"),
        ] {
            let words = pieces(bytes).unwrap_err();
            assert!(words.contains(told), "{words}");
        }
        assert_eq!(pieces(b"{\"a\":\"\xff\"}\n{}").unwrap(), expected(&[(1, "is not UTF-8"), (2, "{}")]));
    }

    #[test]
    fn a_line_without_end_takes_no_memory_and_the_next_one_is_read() {
        let long = "x".repeat(LONGEST * 3);
        let found = read(&format!("{{}}\n{long}\n{{}}"));
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(found.get(1).is_some_and(|(_, words)| words.contains("1 MiB")));
        // An array in one line may be as long as it likes.
        assert_eq!(read(&format!("[{}7]", "123456789,".repeat(600_000))).len(), 600_001);
    }
}
