//! Interrupts: the first ends the work in order, the second at once.

use tokio::sync::watch;

/// Who ended the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// A person at a terminal: SIGINT.
    Interrupt,
    /// What runs it: SIGTERM.
    Terminate,
}

/// Says whether the program was interrupted, or told to end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(watch::Receiver<Option<Signal>>);

impl Interrupt {
    /// Listens from now on. Within a runtime.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let (tell, told) = watch::channel(None);
        let mut signals = signals()?;
        tokio::spawn(async move {
            tell.send_replace(Some(signals.next().await));
            signals.next().await;
            std::process::exit(130);
        });
        Ok(Self(told))
    }

    /// Whether it was.
    pub(crate) fn came(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits until it is, and says by which signal.
    pub(crate) async fn wait(&mut self) -> Signal {
        // The sender lives as long as the runtime.
        self.0.wait_for(Option::is_some).await.ok().and_then(|signal| *signal).unwrap_or(Signal::Terminate)
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
    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
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
    async fn next(&mut self) -> Signal {
        let _ = self.0.recv().await;
        Signal::Interrupt
    }
}
