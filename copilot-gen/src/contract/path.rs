//! Places in a value.

/// A place: a list of keys that lives on the stack.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    key: &'a str,
}

impl Path<'static> {
    /// The value itself.
    pub const ROOT: Self = Path { parent: None, key: "" };
}

impl<'a> Path<'a> {
    /// The place of a member.
    pub fn child(&'a self, key: &'a str) -> Path<'a> {
        Path { parent: Some(self), key }
    }

    /// The JSON pointer.
    pub(crate) fn pointer(&self) -> String {
        match self.parent {
            None => String::new(),
            Some(parent) => {
                format!("{}/{}", parent.pointer(), self.key.replace('~', "~0").replace('/', "~1"))
            }
        }
    }

    pub(super) fn is_member(&self, name: &str) -> bool {
        self.key == name && self.parent.is_some_and(|parent| parent.parent.is_none())
    }
}
