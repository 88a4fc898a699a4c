//! Places at which a test can end the process: `tests/crash` does, and shows that nothing is lost.

/// A place of that name. Without the feature `failpoints`, nothing.
macro_rules! fail_point {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        fail::fail_point!($name);
    };
}
