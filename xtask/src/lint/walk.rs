//! Finds the places of an OpenAPI document: each object in it, with what the specification says that it is.
//!
//! Only so can a rule tell the keyword `required` of a schema from a property, or from a member of an
//! example, that happens to have that name.

use serde_json::Value;

/// What OpenAPI 3.0 calls the object at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    PathItem,
    Operation,
    Parameter,
    RequestBody,
    Response,
    Header,
    MediaType,
    Encoding,
    Example,
    Link,
    Callback,
    SecurityScheme,
    Schema,
}

/// The sections of `components`, with what each holds.
pub(super) const SECTIONS: [(&str, Kind); 9] = [
    ("schemas", Kind::Schema),
    ("responses", Kind::Response),
    ("parameters", Kind::Parameter),
    ("examples", Kind::Example),
    ("requestBodies", Kind::RequestBody),
    ("headers", Kind::Header),
    ("securitySchemes", Kind::SecurityScheme),
    ("links", Kind::Link),
    ("callbacks", Kind::Callback),
];

/// How the objects of a member stand in it.
#[derive(Clone, Copy)]
enum Shape {
    One,
    List,
    Map,
}
use Shape::{List, Map, One};

impl Kind {
    /// The members that hold further objects.
    fn parts(self) -> &'static [(&'static str, Shape, Kind)] {
        match self {
            Self::PathItem => &[
                ("parameters", List, Self::Parameter),
                ("get", One, Self::Operation),
                ("put", One, Self::Operation),
                ("post", One, Self::Operation),
                ("delete", One, Self::Operation),
                ("options", One, Self::Operation),
                ("head", One, Self::Operation),
                ("patch", One, Self::Operation),
                ("trace", One, Self::Operation),
            ],
            Self::Operation => &[
                ("parameters", List, Self::Parameter),
                ("requestBody", One, Self::RequestBody),
                ("responses", Map, Self::Response),
                ("callbacks", Map, Self::Callback),
            ],
            Self::Parameter | Self::Header => &[
                ("schema", One, Self::Schema),
                ("examples", Map, Self::Example),
                ("content", Map, Self::MediaType),
            ],
            Self::RequestBody => &[("content", Map, Self::MediaType)],
            Self::Response => &[
                ("headers", Map, Self::Header),
                ("content", Map, Self::MediaType),
                ("links", Map, Self::Link),
            ],
            Self::MediaType => &[
                ("schema", One, Self::Schema),
                ("examples", Map, Self::Example),
                ("encoding", Map, Self::Encoding),
            ],
            Self::Encoding => &[("headers", Map, Self::Header)],
            Self::Schema => &[
                ("properties", Map, Self::Schema),
                ("additionalProperties", One, Self::Schema),
                ("items", One, Self::Schema),
                ("allOf", List, Self::Schema),
                ("anyOf", List, Self::Schema),
                ("oneOf", List, Self::Schema),
                ("not", One, Self::Schema),
            ],
            Self::Example | Self::Link | Self::Callback | Self::SecurityScheme => &[],
        }
    }
}

/// One object of the document.
pub(super) struct Place<'a> {
    /// Where it stands, as a JSON pointer from the root.
    pub(super) pointer: String,
    pub(super) kind: Kind,
    /// What it stands in, with the member that holds it. `None` for a path and for a component.
    pub(super) holder: Option<(Kind, &'static str)>,
    pub(super) value: &'a Value,
}

impl<'a> Place<'a> {
    /// The member of that name.
    pub(super) fn get(&self, member: &str) -> Option<&'a Value> {
        self.value.get(member)
    }

    /// What it refers to instead of being something itself.
    pub(super) fn reference(&self) -> Option<&'a str> {
        reference(self.value)
    }
}

/// The text of `$ref`.
pub(super) fn reference(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()
}

/// The pointer of a member.
pub(super) fn join(pointer: &str, member: &str) -> String {
    format!("{pointer}/{}", member.replace('~', "~0").replace('/', "~1"))
}

/// Every place of the document. What is referred to is not followed: it has a place of its own.
pub(super) fn places(root: &Value) -> Vec<Place<'_>> {
    let mut found = Vec::new();
    for (path, item) in members(root.get("paths")) {
        visit(join("/paths", path), Kind::PathItem, None, item, &mut found);
    }
    for (section, kind) in SECTIONS {
        let pointer = join("/components", section);
        for (name, component) in
            members(root.get("components").and_then(|components| components.get(section)))
        {
            visit(join(&pointer, name), kind, None, component, &mut found);
        }
    }
    found
}

fn visit<'a>(
    pointer: String,
    kind: Kind,
    holder: Option<(Kind, &'static str)>,
    value: &'a Value,
    found: &mut Vec<Place<'a>>,
) {
    // A member of the wrong type is the parser's to refuse; `additionalProperties: false` is none of these
    // objects.
    if !value.is_object() {
        return;
    }
    found.push(Place { pointer: pointer.clone(), kind, holder, value });
    if reference(value).is_some() {
        return;
    }
    if kind == Kind::Callback {
        for (expression, item) in members(Some(value)) {
            visit(join(&pointer, expression), Kind::PathItem, Some((kind, "")), item, found);
        }
    }
    for &(member, shape, part) in kind.parts() {
        let Some(held) = value.get(member) else { continue };
        let (pointer, holder) = (join(&pointer, member), Some((kind, member)));
        match shape {
            One => visit(pointer, part, holder, held, found),
            List => {
                for (at, item) in held.as_array().into_iter().flatten().enumerate() {
                    visit(format!("{pointer}/{at}"), part, holder, item, found);
                }
            }
            // A property may be called `x-...`; everything else of that name is an extension.
            Map => {
                for (name, item) in held.as_object().into_iter().flatten() {
                    if member == "properties" || !name.starts_with("x-") {
                        visit(join(&pointer, name), part, holder, item, found);
                    }
                }
            }
        }
    }
}

/// The members of an object that are no extensions.
fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten().filter(|(name, _)| !name.starts_with("x-"))
}
