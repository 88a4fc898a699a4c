//! Where in a text of JSON the value stands that a JSON pointer names.

use std::ops::Range;

/// The bytes of the value; of one that is missing, where its object begins. Of a name that stands twice, the last.
pub(crate) fn locate(text: &str, pointer: &str) -> Range<usize> {
    let scanner = Scanner { bytes: text.as_bytes() };
    let mut at = scanner.space(0);
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        match scanner.child(text, at, &token) {
            Some(child) => at = child,
            None => return at..(at + 1).min(text.len()),
        }
    }
    at..scanner.value(at).max(at)
}

/// Where reading the text as JSON fails; nothing, where it does not.
pub(crate) fn of_error(text: &str) -> Option<Range<usize>> {
    let error = serde_json::from_str::<serde::de::IgnoredAny>(text).err()?;
    let line: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let mut at = (line + error.column().saturating_sub(1)).min(text.len().saturating_sub(1));
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    Some(at..at + text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8))
}

/// Walks over JSON that was read before, and so is JSON. Offsets are bytes.
struct Scanner<'a> {
    bytes: &'a [u8],
}

impl Scanner<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or_default()
    }

    /// After the space that is there.
    fn space(&self, mut at: usize) -> usize {
        while self.byte(at).is_ascii_whitespace() {
            at += 1;
        }
        at
    }

    /// After the text that begins there.
    fn text(&self, mut at: usize) -> usize {
        at += 1;
        while at < self.bytes.len() && self.byte(at) != b'"' {
            at += if self.byte(at) == b'\\' { 2 } else { 1 };
        }
        (at + 1).min(self.bytes.len())
    }

    /// After the value that begins there.
    fn value(&self, mut at: usize) -> usize {
        let mut depth = 0_usize;
        while at < self.bytes.len() {
            match self.byte(at) {
                b'"' => at = self.text(at),
                b'{' | b'[' => {
                    depth += 1;
                    at += 1;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    at += 1;
                }
                _ if depth > 0 => {
                    at += 1;
                    continue;
                }
                b',' | b'}' | b']' => return at,
                byte if byte.is_ascii_whitespace() => return at,
                _ => {
                    at += 1;
                    continue;
                }
            }
            if depth == 0 {
                return at;
            }
        }
        at
    }

    /// Where the value of that name, or number, begins in the object or array that begins there.
    fn child(&self, text: &str, at: usize, token: &str) -> Option<usize> {
        let is_object = match self.byte(at) {
            b'{' => true,
            b'[' => false,
            _ => return None,
        };
        let (mut at, mut number, mut found) = (self.space(at + 1), 0_usize, None);
        while at < self.bytes.len() && !matches!(self.byte(at), b'}' | b']') {
            let mut is_it = !is_object && token.parse() == Ok(number);
            if is_object {
                let end = self.text(at);
                let name: Option<String> = text.get(at..end).and_then(|name| serde_json::from_str(name).ok());
                is_it = name.as_deref() == Some(token);
                at = self.space(self.space(end) + 1);
            }
            if is_it {
                found = Some(at);
            }
            at = self.space(self.value(at));
            if self.byte(at) == b',' {
                at = self.space(at + 1);
            }
            number += 1;
        }
        found
    }
}

#[cfg(test)]
#[allow(clippy::string_slice)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_leads_to_its_value() {
        let text = r#" {"a b": [1, {"c/d": "x\"}", "é": null}], "a b": [true, {"e": -1.5e3 , "~": {}}]}"#;
        for (pointer, expected) in [
            ("/a b/0", "true"),
            ("/a b/1/e", "-1.5e3"),
            ("/a b/1/~0", "{}"),
            ("/a b/1/missing", "{"),
            ("/a b/1/e/deeper", "-"),
            ("", text.trim()),
        ] {
            assert_eq!(text.get(locate(text, pointer)), Some(expected), "{pointer}");
        }
        let text = r#"[1, {"c/d": "x\"}", "é": null}]"#;
        assert_eq!(text.get(locate(text, "/1/c~1d")), Some(r#""x\"}""#));
        assert_eq!(text.get(locate(text, "/1/é")), Some("null"));
    }

    #[test]
    fn any_text_has_a_place_within_itself() {
        for text in ["", "{", "\"", "{\"a\":", "[1,,2]", "{\"a\" 1}", "é", "{\"a\":\"é"] {
            let range = locate(text, "/a/0");
            assert!(range.end <= text.len() && range.start <= range.end, "{text}");
            if let Some(range) = of_error(text) {
                assert!(text.get(range).is_some(), "{text}");
            }
        }
    }
}
