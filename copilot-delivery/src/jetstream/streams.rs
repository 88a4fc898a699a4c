//! Single messages of a stream: read, and removed.

use async_nats::jetstream::{
    message::StreamMessage,
    stream::{Info, RawMessageErrorKind, Stream},
};

use super::{engine::Engine, fault};
use crate::outbox::OutboxError;

/// Removes a message. Whether it was there. Its place on the disk is not overwritten: a server that is killed while it overwrites one finds a
/// broken record afterwards, and may cut off all that follows.
pub(super) async fn remove(engine: &Engine, stream: &Stream, sequence: u64) -> Result<bool, OutboxError> {
    let name = &stream.cached_info().config.name;
    let request = serde_json::json!({ "seq": sequence, "no_erase": true });
    let asked = engine.context.request(format!("STREAM.MSG.DELETE.{name}"), &request).await;
    let answer: serde_json::Value = asked.map_err(|error| fault::unusable(&engine.place, &error))?;
    if answer.get("success").and_then(serde_json::Value::as_bool) == Some(true) {
        return Ok(true);
    }
    // Servers differ in how they say that there is none.
    match message_of(engine, stream, sequence).await? {
        None => Ok(false),
        Some(_) => Err(OutboxError::new(
            crate::outbox::Fault::Engine,
            format!("the outbox {} does not let a message be removed", engine.place),
        )),
    }
}

/// The first message of a subject that has at least that number.
pub(super) async fn next_message(
    engine: &Engine,
    stream: &Stream,
    subject: &str,
    sequence: u64,
) -> Result<Option<StreamMessage>, OutboxError> {
    let asked = stream.raw_message_builder().sequence(sequence).next_by_subject(subject).send().await;
    found(engine, asked.map_err(|error| (error.kind(), error)))
}

/// The first pending message; none, where there is none, whatever the server counts.
pub(super) async fn first(engine: &Engine, info: &Info) -> Result<Option<StreamMessage>, OutboxError> {
    if info.state.messages == 0 {
        return Ok(None);
    }
    let subject = format!("{}.*", engine.settings.stream);
    next_message(engine, &engine.pending, &subject, info.state.first_sequence).await
}

/// The message of that number; none, where there is none.
pub(super) async fn message_of(
    engine: &Engine,
    stream: &Stream,
    sequence: u64,
) -> Result<Option<StreamMessage>, OutboxError> {
    let asked = stream.get_raw_message(sequence).await;
    found(engine, asked.map_err(|error| (error.kind(), error)))
}

fn found(
    engine: &Engine,
    asked: Result<StreamMessage, (RawMessageErrorKind, impl std::error::Error)>,
) -> Result<Option<StreamMessage>, OutboxError> {
    match asked {
        Ok(message) => Ok(Some(message)),
        Err((RawMessageErrorKind::NoMessageFound, _)) => Ok(None),
        Err((_, error)) => Err(fault::unusable(&engine.place, &error)),
    }
}
