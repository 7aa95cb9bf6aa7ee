//! What programs measure sessions by: for figures that are printed, not for tests, which assert no times.

pub mod idle;

/// A runtime of one thread, where nothing is measured but the work itself.
#[must_use]
pub fn one_thread() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime starts")
}

/// A runtime as an application has it by default.
#[must_use]
pub fn threads() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().build().expect("a runtime starts")
}
