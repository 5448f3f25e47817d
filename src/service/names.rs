//! The names that a shell completes: quick, and silent about whatever is wrong.

use crate::config::Home;
use crate::store::names;
pub use crate::store::names::{Names, Placed};

/// What a home knows by name. One that is missing or cannot be read knows nothing; it is neither made nor changed.
pub fn of(home: &Home) -> Names {
    names::read(&home.db()).unwrap_or_default()
}
