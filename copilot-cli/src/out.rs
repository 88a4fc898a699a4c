//! What is printed: results to standard output, everything else to standard error.

use std::{
    io::{self, ErrorKind, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use crate::progress;

/// Whether a result was printed as JSON.
static RESULT: AtomicBool = AtomicBool::new(false);

pub(crate) fn has_result() -> bool {
    RESULT.load(Ordering::Relaxed)
}

/// Prints a line of a result.
pub(crate) fn line(words: &str) {
    let mut output = io::stdout().lock();
    let written = output.write_all(words.as_bytes()).and_then(|()| output.write_all(b"\n"));
    must_write(written.and_then(|()| output.flush()));
}

/// Prints a whole text, likewise.
pub(crate) fn bytes(text: &[u8]) {
    let mut output = io::stdout().lock();
    must_write(output.write_all(text).and_then(|()| output.flush()));
}

/// The same, of a JSON value, in one line.
pub(crate) fn json(value: &serde_json::Value) {
    RESULT.store(true, Ordering::Relaxed);
    line(&value.to_string());
}

/// Says something beside the result.
pub(crate) fn note(words: &str) {
    progress::give_way();
    // What a server or a file says could have the terminal do something.
    let shown = |letter: char| if letter.is_control() && letter != '\n' { '\u{fffd}' } else { letter };
    let words: String = words.chars().map(shown).collect();
    let _ = writeln!(io::stderr().lock(), "{words}");
}

/// Says why the program ends.
pub(crate) fn error(words: &str) {
    note(&format!("copilot-cx: {words}"));
}

/// Says so and ends the program where what it prints cannot be written. That nobody reads it any more is no error.
pub(crate) fn must_write(written: io::Result<()>) {
    match written {
        // The exit status says what became of the work all the same.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        Err(error) => {
            self::error(&format!("its output cannot be written: {error}"));
            std::process::exit(4);
        }
        Ok(()) => {}
    }
}

/// Prints a line, and goes on where nobody reads it.
#[cfg(any(feature = "relay", feature = "sandbox"))]
pub(crate) fn quietly(words: &str) {
    let mut output = io::stdout().lock();
    let _ = writeln!(output, "{words}").and_then(|()| output.flush());
}
