//! The contract's patterns, compiled to automata by the generator.

/// A pattern, as a deterministic automaton over bytes. State 0 is dead, state 1 is the start.
#[derive(Debug)]
pub struct Pattern {
    /// The regular expression as the contract writes it.
    pub source: &'static str,
    /// The class of each byte.
    pub classes: &'static [u8; 256],
    /// The number of classes.
    pub stride: usize,
    /// For each state and class, the next state.
    pub next: &'static [u8],
    /// For each state, whether the text may end there.
    pub accepting: &'static [bool],
    /// For a pattern that only says which bytes may occur: 1 for each of them.
    pub alphabet: Option<&'static [u8; 256]>,
}

impl Pattern {
    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        if let Some(alphabet) = self.alphabet {
            // No early end: without one, the look-ups do not wait for each other.
            return text
                .bytes()
                .fold(1, |all, byte| all & alphabet.get(usize::from(byte)).copied().unwrap_or(0))
                == 1;
        }
        let mut state = 1;
        for byte in text.bytes() {
            state = self.step(state, byte);
            if state == 0 {
                return false;
            }
        }
        self.accepting.get(state).copied().unwrap_or(false)
    }

    /// The position, in characters from 1, of the first character that cannot stand where it stands. `None` where
    /// the text matches, or only ends too early.
    pub fn first_mismatch(&self, text: &str) -> Option<usize> {
        let mut state = 1;
        for (position, character) in text.chars().enumerate() {
            let mut buffer = [0; 4];
            for byte in character.encode_utf8(&mut buffer).bytes() {
                state = self.step(state, byte);
            }
            if state == 0 {
                return Some(position + 1);
            }
        }
        None
    }

    fn step(&self, state: usize, byte: u8) -> usize {
        let class = self.classes.get(usize::from(byte)).copied().unwrap_or(0);
        self.next.get(state * self.stride + usize::from(class)).copied().unwrap_or(0).into()
    }
}
