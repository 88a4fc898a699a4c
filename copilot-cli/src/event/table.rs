//! What the contract says of each type of event, as far as a command line needs it: `cargo xtask gen` fills it.

/// A type of event.
#[derive(Debug)]
pub(crate) struct EventType {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// The listed properties of its payload that are no objects.
    pub(crate) properties: &'static [Property],
    pub(crate) free: Free,
}

/// A property of a payload.
#[derive(Debug)]
pub(crate) struct Property {
    pub(crate) name: &'static str,
    /// Its flag, without the two hyphens.
    pub(crate) flag: &'static str,
    pub(crate) about: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
}

/// What a property's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "which of them the contract has is its own affair")]
pub(crate) enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    /// Any of these.
    Scalar,
}

/// Where properties of the sender's own go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Free {
    /// There are none.
    None,
    /// Beside the listed ones.
    OfPayload,
    /// Into the listed object of that name.
    Within(&'static str),
}
