//! What outboxes on servers share: a thread with a runtime of their own, and the queue of what is to be stored.

mod intake;
pub(crate) mod tls;

use std::{future::Future, sync::Arc, thread};

use tokio::{runtime, sync::Notify, task::JoinHandle};

pub(crate) use intake::{Append, Intake};

use crate::outbox::{Fault, OutboxError};

/// A thread with a runtime, for what is asked from any thread and any runtime. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Remote {
    handle: runtime::Handle,
    process: u32,
    over: Arc<Notify>,
}

impl Remote {
    pub(crate) fn start(name: &str) -> Result<Self, OutboxError> {
        let failed = |error: std::io::Error| {
            OutboxError::new(Fault::Engine, "the outbox's thread cannot be started").with_source(error)
        };
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (handle, over) = (runtime.handle().clone(), Arc::new(Notify::new()));
        let ends = over.clone();
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || runtime.block_on(ends.notified()))
            .map_err(failed)?;
        Ok(Self { handle, process: std::process::id(), over })
    }

    /// Does it on the thread, to the end, even if nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, OutboxError>> + Send + 'static,
    ) -> Result<T, OutboxError> {
        self.check_process()?;
        match self.spawn(work).await {
            Ok(done) => done,
            Err(_) => Err(OutboxError::new(Fault::Closed, "the outbox was closed")),
        }
    }

    /// Begins it on the thread.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.handle.spawn(work)
    }

    /// Ends it once that is done.
    pub(crate) fn end_after(self, last: impl Future<Output = ()> + Send + 'static) {
        self.handle.clone().spawn(async move {
            last.await;
            drop(self);
        });
    }

    /// After a fork, the thread is in the parent.
    pub(crate) fn check_process(&self) -> Result<(), OutboxError> {
        if self.process == std::process::id() {
            return Ok(());
        }
        Err(OutboxError::new(Fault::Forked, "the process was forked, and the outbox is the parent's"))
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.over.notify_one();
    }
}
