//! Makes a second queue, in which an item is counted after the queue has it: loom must find that out.

use std::{env, fs, path::Path, process::ExitCode};

const QUEUE: &str = "../../copilot-delivery/src/memory/queue.rs";

/// What counts an item, before the lines that put it into its lane.
const COUNTED: &str = "        state.taken += 1;\n        state.pending += 1;\n";
const PUT: &str = "            lane.slots.push_back(Slot { place, forget: false, item });\n        }\n";
/// The same after them, when another thread may have had the lock.
const LATE: &str = "        drop(state);\n        let mut state = self.state();\n";

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed={QUEUE}");
    // Loom's locks take the place of the standard library's, in this package alone.
    println!("cargo::rustc-cfg=copilot_loom");
    match broken_queue() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error={QUEUE}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn broken_queue() -> Result<(), Box<dyn std::error::Error>> {
    let queue = fs::read_to_string(QUEUE)?;
    let (before, after) = queue.split_once(COUNTED).ok_or("it no longer counts as this breaks it")?;
    let (between, after) =
        after.split_once(PUT).ok_or("it no longer puts items into lanes as this breaks it")?;
    let broken = [before, between, PUT, LATE, COUNTED, after].concat();
    // What is included has no inner documentation.
    let broken = broken.replace("//!", "//");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("broken.rs"), broken)?;
    Ok(())
}
