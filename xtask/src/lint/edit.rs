//! A change to the contract, by which a defect is put into a copy of it.

use serde_json::Value;

/// A change to the contract.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    /// Puts a value at a pointer, whose parent exists. In an array it ends the array.
    Set(&'static str, Value),
    /// Takes away what stands at a pointer.
    Remove(&'static str),
    /// Gives what stands at a pointer another name.
    Rename(&'static str, &'static str),
}

impl Edit {
    /// Changes the document. The error is a pointer that does not fit it: the contract has moved on, and the edit has not.
    pub(super) fn apply(&self, root: &mut Value) -> Result<(), &'static str> {
        let (Self::Set(pointer, _) | Self::Remove(pointer) | Self::Rename(pointer, _)) = *self;
        self.change(pointer, root).ok_or(pointer)
    }

    fn change(&self, pointer: &str, root: &mut Value) -> Option<()> {
        let (parent, member) = pointer.rsplit_once('/')?;
        let member = member.replace("~1", "/").replace("~0", "~");
        match (self, root.pointer_mut(parent)?) {
            (Self::Set(_, value), Value::Object(members)) => {
                members.insert(member, value.clone());
            }
            (Self::Set(_, value), Value::Array(items)) => {
                items.truncate(member.parse().ok()?);
                items.push(value.clone());
            }
            (Self::Remove(_), Value::Object(members)) => {
                members.shift_remove(&member)?;
            }
            (Self::Remove(_), Value::Array(items)) => {
                let at: usize = member.parse().ok()?;
                items.get(at)?;
                items.remove(at);
            }
            (Self::Rename(_, name), Value::Object(members)) => {
                let value = members.shift_remove(&member)?;
                members.insert((*name).to_owned(), value);
            }
            _ => return None,
        }
        Some(())
    }
}
