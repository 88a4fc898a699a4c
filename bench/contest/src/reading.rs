//! Reading events from a file, one a line.

use std::fs;

use crate::{Outcome, meter::Meter};

/// Gives `read` each line of a file, from its start again as often as it takes, and prints what that cost. The command
/// line ends with `FILE N`: the file, and how many events are to be read.
///
/// # Errors
///
/// When the command line is wrong, the file cannot be read, or an event cannot.
pub fn read_lines(read: impl Fn(&str) -> Outcome) -> Outcome {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, .., file, events] = arguments.as_slice() else {
        return Err("wanted: FILE N".into());
    };
    let text = fs::read_to_string(file)?;
    if text.is_empty() {
        return Err("the file holds no event".into());
    }
    // Once before the clock starts, so that nobody pays for what is set up at the first event.
    text.lines().try_for_each(&read)?;
    let meter = Meter::start()?;
    text.lines().cycle().take(events.parse()?).try_for_each(read)?;
    meter.print()
}
