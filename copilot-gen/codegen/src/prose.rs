//! What the contract says in words becomes documentation, and nothing else.
//!
//! rustdoc reads it as Markdown: it compiles and runs code blocks as tests, takes `[word]` for the name of an item, and
//! passes HTML on. So none of these may stand in a description.

use pulldown_cmark::{BrokenLink, Event, Options, Parser, Tag, TagEnd};
use serde_json::Value;

use crate::{
    contract::{Contract, Error},
    lines::join,
};

/// The members that hold words.
const WORDS: [&str; 3] = ["title", "summary", "description"];

/// The words that would become more than documentation, each with its place.
pub(crate) fn refused(contract: &Contract) -> Vec<Error> {
    let mut found = Vec::new();
    contract.each_object(&mut |pointer, object| {
        for member in WORDS {
            if let Some(problem) = object.get(member).and_then(Value::as_str).and_then(problem) {
                found.push(Error::new(join(pointer, member), problem));
            }
        }
    });
    found
}

fn problem(words: &str) -> Option<&'static str> {
    if words.contains(is_hidden) {
        return Some("holds a control character: rustc refuses it in a comment");
    }
    // What stands in brackets and is no link: rustdoc looks for an item of that name.
    let resolve = |_: BrokenLink<'_>| Some(("".into(), "".into()));
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS;
    let mut links = 0;
    for event in Parser::new_with_broken_link_callback(words, options, Some(resolve)) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => {
                return Some(
                    "holds a code block, which rustdoc would compile and run: write `code` within the line",
                );
            }
            Event::Start(Tag::HtmlBlock) | Event::Html(_) | Event::InlineHtml(_) => {
                return Some("holds HTML, which rustdoc passes on: write `<code>` in backticks");
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                if !["https://", "http://", "mailto:"].iter().any(|scheme| dest_url.starts_with(scheme)) {
                    return Some(
                        "holds a link that is no URL, which rustdoc takes for the name of an item: write \\[ for a bracket",
                    );
                }
                links += 1;
            }
            Event::End(TagEnd::Link | TagEnd::Image) => links -= 1,
            Event::Text(text) if links == 0 && (text.contains("https://") || text.contains("http://")) => {
                return Some("holds a bare URL: write it as <https://…>");
            }
            _ => {}
        }
    }
    None
}

/// Characters that do not show: a lone carriage return ends no line, and the others turn the direction of the text.
fn is_hidden(letter: char) -> bool {
    (letter.is_control() && !matches!(letter, '\n' | '\t'))
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
