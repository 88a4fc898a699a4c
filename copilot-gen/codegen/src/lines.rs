//! Places in the contract, and on which line of the YAML they stand.

use granit_parser::{Event, Parser};

/// The pointer of a member.
pub fn join(pointer: &str, member: &str) -> String {
    format!("{pointer}/{}", member.replace('~', "~0").replace('/', "~1"))
}

/// The line, from 1, on which what stands at a JSON pointer begins; of a member, the line of its name. `None` where the
/// text has no such place, or reaches it by an alias only.
pub fn line_of(yaml: &str, pointer: &str) -> Option<usize> {
    let mut open: Vec<Collection> = Vec::new();
    for parsed in Parser::new_from_str(yaml) {
        let (event, span) = parsed.ok()?;
        let opened = match event {
            Event::MappingStart(..) => Some(Kind::Mapping(None)),
            Event::SequenceStart(..) => Some(Kind::Sequence(0)),
            Event::Scalar(ref text, ..) => {
                if let Some(Collection { kind: Kind::Mapping(name @ None), .. }) = open.last_mut() {
                    *name = Some((text.to_string(), span.start.line()));
                    continue;
                }
                None
            }
            Event::Alias(..) => None,
            Event::MappingEnd | Event::SequenceEnd => {
                open.pop();
                continue;
            }
            _ => continue,
        };
        let (place, line) = match open.last_mut() {
            None => (String::new(), span.start.line()),
            Some(within) => within.next(span.start.line()),
        };
        if place == pointer {
            return Some(line);
        }
        open.extend(opened.map(|kind| Collection { place, kind }));
    }
    None
}

/// A mapping or sequence that has begun.
struct Collection {
    place: String,
    kind: Kind,
}

enum Kind {
    /// The name of the member that comes, with its line.
    Mapping(Option<(String, usize)>),
    /// The position of the item that comes.
    Sequence(usize),
}

impl Collection {
    /// The place of the value that begins now, and its line.
    fn next(&mut self, line: usize) -> (String, usize) {
        match &mut self.kind {
            Kind::Mapping(name) => {
                let (name, line) = name.take().unwrap_or((String::new(), line));
                (join(&self.place, &name), line)
            }
            Kind::Sequence(at) => {
                *at += 1;
                (format!("{}/{}", self.place, *at - 1), line)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::line_of;

    #[test]
    fn a_place_is_found_on_the_line_of_its_name() {
        let yaml =
            "a: 1\nb:\n  - c: |\n      text\n    d/e: {f: &g [1,\n  2]}\n  - *g\n\"h~\":\n  i:\n    j\n";
        for (pointer, line) in [
            ("", Some(1)),
            ("/a", Some(1)),
            ("/b", Some(2)),
            ("/b/0", Some(3)),
            ("/b/0/c", Some(3)),
            ("/b/0/d~1e", Some(5)),
            ("/b/0/d~1e/f/1", Some(6)),
            ("/b/1", Some(7)),
            ("/b/1/0", None),
            ("/h~0/i", Some(9)),
            ("/b/2", None),
            ("/nothing", None),
        ] {
            assert_eq!(line_of(yaml, pointer), line, "{pointer}");
        }
        assert_eq!(line_of("a: [", "/b"), None);
    }
}
