//! Delivery by an outbox in a file, from 64 callers, since each waits until its event is stored.

use contest::Outcome;
use copilot_delivery::{Durability, ReporterBuilder, SqliteOutbox};

use super::Delivery;

const CALLERS: usize = 64;

pub(super) fn start(reporter: ReporterBuilder, way: &str) -> Outcome<Delivery> {
    let durability = match way {
        "file" => Durability::PowerCut,
        "file-killed" => Durability::KilledProcess,
        _ => return Err("wanted: memory, file or file-killed".into()),
    };
    let folder = tempfile::tempdir()?;
    let outbox = SqliteOutbox::builder(folder.path().join("outbox")).durability(durability).open()?;
    Ok(Delivery { reporter: reporter.outbox(outbox).start()?, callers: CALLERS, _kept: Box::new(folder) })
}
