//! Hostile clients that hold connections: silent ones, and ones that send a little now and then, for ever.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{Outcome, Target};

/// Many connections of one kind.
pub struct Hold {
    /// What each sends first.
    pub first: Vec<u8>,
    /// What each sends again and again.
    pub then: Vec<u8>,
    /// How often.
    pub pause: Duration,
    /// How many there are at a time.
    pub connections: usize,
}

/// What came of a connection that was held.
pub struct Answered {
    /// What the server answered.
    pub outcome: Outcome,
    /// How long it had let the client go on.
    pub after: Duration,
}

impl Hold {
    /// Holds the connections until told to stop; opens another one whenever one is closed, and tells of each.
    pub fn until(self, stop: &AtomicBool, target: &Target, mut tell: impl FnMut(Answered)) {
        let mut held: Vec<(TcpStream, Instant, Vec<u8>)> = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            if held.len() < self.connections
                && let Some(stream) = self.open(target)
            {
                held.push((stream, Instant::now(), Vec::new()));
            }
            held.retain_mut(|(stream, since, read)| {
                // Whether it can be sent shows when the connection is read.
                let _ = stream.write_all(&self.then);
                let open = read_what_is_there(stream, read);
                if !open {
                    tell(Answered { outcome: Outcome::of(read), after: since.elapsed() });
                }
                open
            });
            thread::sleep(self.pause);
        }
    }

    fn open(&self, target: &Target) -> Option<TcpStream> {
        let mut stream = TcpStream::connect(target.address).ok()?;
        stream.write_all(&self.first).ok()?;
        stream.set_nonblocking(true).ok()?;
        Some(stream)
    }
}

/// Reads what has arrived; returns whether the connection is still open.
fn read_what_is_there(stream: &mut TcpStream, read: &mut Vec<u8>) -> bool {
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return false,
            Ok(length) => read.extend_from_slice(&piece[..length]),
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}

/// Opens so many connections, which then say nothing, until told to stop. Returns how many it could open.
pub fn hold_idle(connections: usize, stop: &AtomicBool, target: &Target) -> usize {
    let mut held = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..20.min(connections - held.len()) {
            held.extend(TcpStream::connect(target.address));
        }
        thread::sleep(Duration::from_millis(10));
    }
    held.len()
}
