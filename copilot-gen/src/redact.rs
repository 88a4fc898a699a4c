//! Redacts credentials that a server echoes, in whatever form it echoes them.

use std::{borrow::Cow, str};

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::header::HeaderMap;
use zeroize::Zeroizing;

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";

/// How many characters of a secret give it away.
const TELLING: usize = 8;

/// What must not be shown: the credentials of the headers that are marked as sensitive, as they are sent, and, where they
/// are those of HTTP Basic, the password in the clear.
pub(crate) struct Secrets(Vec<Zeroizing<String>>);

impl Secrets {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut texts = Vec::new();
        for value in headers.values().filter(|value| value.is_sensitive()) {
            let Ok(value) = str::from_utf8(value.as_bytes()) else { continue };
            let (scheme, sent) = value.rsplit_once(' ').unwrap_or(("", value));
            if sent.is_empty() {
                continue;
            }
            if scheme.eq_ignore_ascii_case("basic")
                && let Ok(pair) = STANDARD.decode(sent).map(Zeroizing::new)
                && let Ok(pair) = str::from_utf8(&pair)
                && let Some((_, password)) = pair.split_once(':')
                // A shorter one would be found in words that have nothing to do with it.
                && password.len() >= TELLING
            {
                texts.push(Zeroizing::new(password.to_owned()));
            }
            texts.push(Zeroizing::new(sent.to_owned()));
        }
        Self(texts)
    }

    /// Replaces every secret in the text, and each part of one that is long enough to give it away: so it is also found
    /// where a server cut it short or escaped it, as JSON does. One pass over the text, whatever it holds.
    pub(crate) fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let parts = self.parts();
        let mut redacted = String::new();
        let mut kept = 0;
        let mut at = 0;
        while let Some(first) = text.as_bytes().get(at) {
            let may_begin = |part: &&Part<'_>| *first == b'\\' || part.text.as_bytes().first() == Some(first);
            let shown = parts.iter().filter(may_begin).map(|part| part.shown_in(text, at)).max().unwrap_or(0);
            match text.get(kept..at) {
                Some(before) if shown > 0 => {
                    redacted.push_str(before);
                    redacted.push_str(REDACTED);
                    at += shown;
                    kept = at;
                }
                _ => at += 1,
            }
        }
        if kept == 0 {
            return Cow::Borrowed(text);
        }
        redacted.push_str(text.get(kept..).unwrap_or_default());
        Cow::Owned(redacted)
    }

    /// The whole secrets, and the runs of letters and digits in them.
    fn parts(&self) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        for secret in &self.0 {
            parts.push(Part { text: secret, least: secret.chars().count() });
            for run in secret.split(|letter: char| !letter.is_ascii_alphanumeric()) {
                if run.len() >= TELLING {
                    parts.push(Part { text: run, least: TELLING });
                }
            }
        }
        parts
    }
}

/// A text that is redacted wherever its first `least` characters stand, as far as it goes on from there.
struct Part<'a> {
    text: &'a str,
    least: usize,
}

impl Part<'_> {
    /// How many bytes of the text from there on are its beginning; 0 where that is too little to tell.
    fn shown_in(&self, text: &str, at: usize) -> usize {
        let mut rest = text.get(at..).unwrap_or_default();
        let (mut characters, mut bytes) = (0, 0);
        for wanted in self.text.chars() {
            let escaped = read_character(rest).filter(|(found, _)| *found == wanted);
            let plain = || rest.starts_with(wanted).then_some((wanted, wanted.len_utf8()));
            let Some((_, length)) = escaped.or_else(plain) else { break };
            characters += 1;
            bytes += length;
            rest = rest.get(length..).unwrap_or_default();
        }
        if characters >= self.least { bytes } else { 0 }
    }
}

/// The first character, as JSON would read it inside of a string, and the bytes that it is written in.
fn read_character(text: &str) -> Option<(char, usize)> {
    let mut characters = text.chars();
    let first = characters.next()?;
    if first != '\\' {
        return Some((first, first.len_utf8()));
    }
    let escaped = characters.next()?;
    if escaped == 'u' {
        let code = text.get(2..6).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        return code.and_then(char::from_u32).map(|character| (character, 6));
    }
    Some((escaped, 1 + escaped.len_utf8()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{borrow::Cow, time::Instant};

    use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

    use super::{REDACTED, Secrets};

    fn secrets(header: &str, sensitive: bool) -> Secrets {
        let mut value = HeaderValue::from_str(header).unwrap();
        value.set_sensitive(sensitive);
        Secrets::of(&HeaderMap::from_iter([(AUTHORIZATION, value)]))
    }

    /// `user:pass word-2026 é"x`
    const WITH_PASSWORD: &str = "Basic dXNlcjpwYXNzIHdvcmQtMjAyNiDDqSJ4";

    #[test]
    fn a_secret_is_redacted_whole_escaped_and_cut_short() {
        let cases = [
            ("Basic YWJj", "is YWJj here", "is [redacted] here"),
            (
                "Basic c2VjcmV0LXZhbHVl/w==",
                "c2VjcmV0LXZhbHVl\\/w== and c2VjcmV0LX",
                "[redacted] and [redacted]",
            ),
            ("Basic c2VjcmV0LXZhbHVl/w==", "éc2VjcmV0LXZhbHVl/w==é", "é[redacted]é"),
            // Its own mark is no reason to go on for ever.
            ("Basic redacted12", "redacted12 redacted1 redact", "[redacted] [redacted] redact"),
            ("Basic abcdefgh12", "abcdefg abcdefabcdefgh", "abcdefg abcdef[redacted]"),
            // The password in the clear; not the user name before it.
            (WITH_PASSWORD, "user:pass word-2026 é\"x, user", "user:[redacted], user"),
            // A shorter run of it gives nothing away.
            (WITH_PASSWORD, "the word pass, in 2026", "the word pass, in 2026"),
            ("Basic dTpzaG9ydA==", "a short word", "a short word"),
            // Escaped as JSON does, and as it may.
            ("Basic dTpwYXNzd29yZCI5", r#"password\"9 password\u00229"#, "[redacted] [redacted]"),
            (WITH_PASSWORD, r#"pass word-2026 \u00e9\"x"#, "[redacted]"),
            // `u:a\b-c-d-e`, plain and escaped.
            ("Basic dTphXGItYy1kLWU=", r"a\b-c-d-e a\\b-c-d-e", "[redacted] [redacted]"),
        ];
        for (header, text, redacted) in cases {
            assert_eq!(secrets(header, true).redact(text), redacted, "{header}");
            assert_eq!(secrets(header, false).redact(text), text);
        }
    }

    #[test]
    fn text_without_a_secret_is_not_copied() {
        assert!(matches!(secrets(WITH_PASSWORD, true).redact("nothing of it: é"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_long_text_that_repeats_half_a_secret_is_read_once() {
        let secrets = secrets("Basic abcdefghijklmnop", true);
        let text = "abcdefghabcdefg".repeat(200_000);
        let started = Instant::now();
        let redacted = secrets.redact(&text);
        assert_eq!(redacted.matches(REDACTED).count(), 200_000);
        // Three megabytes; quadratic, they took over a minute.
        assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    }
}
