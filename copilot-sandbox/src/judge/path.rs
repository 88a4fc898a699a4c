//! Places in a value.

use super::contract::escape;

/// A place in a value: a list of steps that lives on the stack.
pub(super) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

impl Path<'static> {
    pub(super) const ROOT: Self = Path { parent: None, step: Step::Index(0) };
}

impl<'a> Path<'a> {
    pub(super) fn name(&'a self, name: &'a str) -> Path<'a> {
        Path { parent: Some(self), step: Step::Name(name) }
    }

    pub(super) fn index(&'a self, index: usize) -> Path<'a> {
        Path { parent: Some(self), step: Step::Index(index) }
    }

    /// Whether it is the member of that name of the whole value.
    pub(super) fn is_member(&self, name: &str) -> bool {
        let is_outermost = self.parent.is_some_and(|parent| parent.parent.is_none());
        is_outermost && matches!(self.step, Step::Name(step) if step == name)
    }

    /// As a JSON pointer (RFC 6901).
    pub(super) fn pointer(&self) -> String {
        let Some(parent) = self.parent else { return String::new() };
        let mut pointer = parent.pointer();
        pointer.push('/');
        match self.step {
            Step::Name(name) => pointer.push_str(&escape(name)),
            Step::Index(index) => pointer.push_str(&index.to_string()),
        }
        pointer
    }
}
