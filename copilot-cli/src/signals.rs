//! Interrupts: the first ends the work in order, the second at once.

use tokio::sync::watch;

/// Says whether the program was interrupted, or told to end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens from now on. Within a runtime.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let (tell, told) = watch::channel(false);
        let mut signals = signals()?;
        tokio::spawn(async move {
            signals.next().await;
            tell.send_replace(true);
            signals.next().await;
            std::process::exit(130);
        });
        Ok(Self(told))
    }

    /// Whether it was.
    pub(crate) fn came(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is.
    pub(crate) async fn wait(&mut self) {
        // The sender lives as long as the runtime.
        let _ = self.0.wait_for(|came| *came).await;
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
fn signals() -> std::io::Result<Signals> {
    use tokio::signal::unix::{SignalKind, signal};
    Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
}

#[cfg(unix)]
impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
fn signals() -> std::io::Result<Signals> {
    Ok(Signals(tokio::signal::windows::ctrl_c()?))
}

#[cfg(windows)]
impl Signals {
    async fn next(&mut self) {
        let _ = self.0.recv().await;
    }
}
