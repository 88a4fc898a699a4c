//! Makes, checks and writes that many events of one type, for callgrind: `bench-copilot-paths TYPE N`.

use contest::Outcome;
use copilot_bench::{custom_event, thing_status_changed, user_created};

fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let (Some(event_type), Some(events)) = (arguments.next(), arguments.next()) else {
        return Err("wanted: TYPE N".into());
    };
    let mut body = Vec::new();
    for number in 0..events.parse()? {
        let event = match event_type.as_str() {
            "custom_event" => custom_event(number)?,
            "thing_status_changed" => thing_status_changed()?,
            "user_created" => user_created(number)?,
            _ => return Err("no such type here".into()),
        };
        copilot_api::check_event(&event)?;
        body.clear();
        event.write(&mut body);
    }
    // What is never looked at need not be written.
    std::hint::black_box(&body);
    Ok(())
}
