//! Which part of a list is wanted.

/// The rows behind the cursor, at most `limit`. Lists by age go from the newest down, the others up by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The last id that was seen; none for the first page.
    pub after: Option<i64>,
    pub limit: i64,
}

impl Page {
    pub fn first(limit: i64) -> Self {
        Self { after: None, limit }
    }

    pub fn after(id: i64, limit: i64) -> Self {
        Self { after: Some(id), limit }
    }

    /// Everything: for lists that are short by nature.
    pub fn all() -> Self {
        Self::first(i64::MAX)
    }

    /// What ids of a list that goes up must be above.
    pub(crate) fn above(self) -> i64 {
        self.after.unwrap_or(i64::MIN)
    }

    /// What ids of a list that goes down must be below.
    pub(crate) fn below(self) -> i64 {
        self.after.unwrap_or(i64::MAX)
    }
}
