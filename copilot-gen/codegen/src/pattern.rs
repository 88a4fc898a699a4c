//! Compiles the contract's patterns to small tables, so that checking an id costs a few nanoseconds and still comes
//! from the contract.

use std::collections::BTreeMap;

use proc_macro2::{Literal, TokenStream};
use quote::quote;
use regex_automata::{
    Anchored, Input,
    dfa::{Automaton, StartKind, dense},
    util::{primitives::StateID, syntax},
};

use crate::{
    contract::Error,
    model::{Schema, StringRules, Used},
};

/// A pattern as a deterministic automaton over bytes: state 0 is dead, state 1 is the start.
struct Table {
    /// The class of each byte: bytes of one class lead to the same states.
    classes: Vec<u8>,
    /// For each state, the next one by class.
    next: Vec<Vec<u8>>,
    /// For each state, whether the text may end there.
    accepting: Vec<bool>,
}

impl Table {
    /// The bytes that may occur, where that is all that the pattern says: one live state, in which the text may end.
    fn alphabet(&self) -> Option<Vec<u8>> {
        let [_, live] = self.next.as_slice() else { return None };
        if self.accepting.get(1) != Some(&true) {
            return None;
        }
        self.classes.iter().map(|class| live.get(usize::from(*class)).copied()).collect()
    }
}

/// Whether the texts of a schema are written in JSON as they are: its pattern allows no character that needs an escape.
/// What is no string with a name has no type that holds the pattern.
pub(crate) fn is_plain(used: &Used) -> Result<bool, Error> {
    let (Some(name), Schema::String(StringRules { pattern: Some((pattern, _)), .. })) =
        (&used.name, &used.schema)
    else {
        return Ok(false);
    };
    let table = compile(name, pattern)?;
    let escaped = (0..0x20).chain([b'"', b'\\']);
    Ok(escaped.map(usize::from).all(|byte| {
        table
            .classes
            .get(byte)
            .is_some_and(|class| table.next.iter().all(|row| row.get(usize::from(*class)) == Some(&0)))
    }))
}

/// Whether every UUID that is written with hyphens and small letters is such a text.
pub(crate) fn takes_uuids(used: &Used) -> Result<bool, Error> {
    const LENGTH: u64 = 36;
    let (Some(name), Schema::String(rules)) = (&used.name, &used.schema) else { return Ok(false) };
    let StringRules { min_length, max_length, pattern: Some((pattern, _)), one_of: None, .. } = rules else {
        return Ok(false);
    };
    let fits = min_length.is_none_or(|(shortest, _)| shortest <= LENGTH)
        && max_length.is_none_or(|(longest, _)| longest >= LENGTH);
    let alphabet = compile(name, pattern)?.alphabet();
    let digits = || b"0123456789abcdef-".iter().map(|digit| usize::from(*digit));
    Ok(fits && alphabet.is_some_and(|alphabet| digits().all(|digit| alphabet.get(digit) == Some(&1))))
}

/// Emits the `Pattern` that matches what `pattern` matches.
pub(crate) fn emit(place: &str, pattern: &str) -> Result<TokenStream, Error> {
    let table = compile(place, pattern)?;
    let classes = Literal::byte_string(&table.classes);
    let stride = table.next.first().map_or(0, Vec::len);
    let next = Literal::byte_string(&table.next.concat());
    let accepting = &table.accepting;
    let alphabet = match table.alphabet() {
        Some(alphabet) => {
            let alphabet = Literal::byte_string(&alphabet);
            quote! { Some(#alphabet) }
        }
        None => quote!(None),
    };
    Ok(quote! {
        Pattern {
            source: #pattern,
            classes: #classes,
            stride: #stride,
            next: #next,
            accepting: &[#(#accepting),*],
            alphabet: #alphabet,
        }
    })
}

fn compile(place: &str, pattern: &str) -> Result<Table, Error> {
    // JSON Schema searches; a pattern that is not anchored at both ends would mean something else here.
    // `^a|b$` begins and ends with the signs, and is anchored in neither branch: the parsed pattern knows.
    let parsed = syntax::parse(pattern)
        .map_err(|source| Error::new(place, format!("the pattern cannot be read: {source}")))?;
    let looks = parsed.properties();
    if !looks.look_set_prefix().contains_anchor_haystack()
        || !looks.look_set_suffix().contains_anchor_haystack()
    {
        return Err(Error::new(place, "a pattern must begin with ^ and end with $, in every branch"));
    }
    let dfa = dense::Builder::new()
        .configure(dense::Config::new().start_kind(StartKind::Anchored).minimize(true))
        .build(pattern)
        .map_err(|source| Error::new(place, format!("the pattern cannot be compiled: {source}")))?;
    let start = dfa
        .start_state_forward(&Input::new("").anchored(Anchored::Yes))
        .map_err(|source| Error::new(place, format!("the pattern has no start: {source}")))?;

    let mut numbers: BTreeMap<StateID, u8> = BTreeMap::new();
    let mut states = vec![start];
    numbers.insert(start, 1);
    let mut rows: Vec<Vec<u8>> = vec![vec![0; 256]];
    let mut accepting = vec![false];
    let mut at = 0;
    while let Some(&state) = states.get(at) {
        at += 1;
        let mut row = Vec::with_capacity(256);
        for byte in 0..=u8::MAX {
            let target = dfa.next_state(state, byte);
            if dfa.is_dead_state(target) || dfa.is_quit_state(target) {
                row.push(0);
                continue;
            }
            let number = match numbers.get(&target) {
                Some(number) => *number,
                None => {
                    let number = u8::try_from(numbers.len() + 1)
                        .map_err(|_| Error::new(place, "the pattern needs more than 255 states"))?;
                    numbers.insert(target, number);
                    states.push(target);
                    number
                }
            };
            row.push(number);
        }
        rows.push(row);
        accepting.push(dfa.is_match_state(dfa.next_eoi_state(state)));
    }
    Ok(by_class(&rows, accepting))
}

/// Gives bytes that behave alike in every state one class.
fn by_class(rows: &[Vec<u8>], accepting: Vec<bool>) -> Table {
    let column = |byte: usize| -> Vec<u8> { rows.iter().filter_map(|row| row.get(byte).copied()).collect() };
    let mut columns: Vec<Vec<u8>> = Vec::new();
    let mut classes = Vec::with_capacity(256);
    for byte in 0..256 {
        let column = column(byte);
        let class = columns.iter().position(|known| *known == column).unwrap_or_else(|| {
            columns.push(column);
            columns.len() - 1
        });
        classes.push(u8::try_from(class).unwrap_or(u8::MAX));
    }
    let next = (0..rows.len())
        .map(|state| columns.iter().filter_map(|column| column.get(state).copied()).collect())
        .collect();
    Table { classes, next, accepting }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{Table, compile};

    fn matches(table: &Table, text: &str) -> bool {
        let mut state = 1;
        for byte in text.bytes() {
            state = usize::from(table.next[state][usize::from(table.classes[usize::from(byte)])]);
        }
        table.accepting[state]
    }

    #[test]
    fn a_table_matches_what_its_pattern_matches() {
        let token = compile("here", r"^[a-zA-Z0-9:\-._+@]*$").unwrap();
        for good in ["", "a", "A4:CF:12", "a@b.c", "-._+", "0"] {
            assert!(matches(&token, good), "{good}");
        }
        for bad in [" ", "a b", "ä", "a\n", "a/b", "\u{0}"] {
            assert!(!matches(&token, bad), "{bad:?}");
        }
        let alternatives = compile("here", "^(?:Z|0[0-5]|ab+)$").unwrap();
        for good in ["Z", "00", "05", "ab", "abbb"] {
            assert!(matches(&alternatives, good), "{good}");
        }
        for bad in ["", "ZZ", "06", "a", "abc", "Z\n"] {
            assert!(!matches(&alternatives, bad), "{bad:?}");
        }
    }

    #[test]
    fn only_a_pattern_of_one_repeated_class_is_an_alphabet() {
        let alphabet = compile("here", "^[a-c]*$").unwrap().alphabet().unwrap();
        assert_eq!(alphabet.iter().filter(|allowed| **allowed == 1).count(), 3);
        assert_eq!(alphabet[usize::from(b'b')], 1);
        for other in ["^[a-c]+$", "^a$", "^(?:ab)*$"] {
            assert!(compile("here", other).unwrap().alphabet().is_none(), "{other}");
        }
    }

    #[test]
    fn a_pattern_that_is_not_anchored_is_refused() {
        for loose in ["[a-z]*$", "^[a-z]*", "a"] {
            assert!(compile("here", loose).is_err(), "{loose}");
        }
    }
}
