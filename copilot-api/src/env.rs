//! The names of the environment variables that configure a client.
//!
//! All but [`ENVIRONMENT`] are those that Copilot.cx's Go client reads (`observed`).
//!
//! ```
//! let is_configured = std::env::var_os(copilot_api::env::CLIENT_ID).is_some();
//! ```

/// Holds the client id.
pub const CLIENT_ID: &str = "COPILOT_CLIENT_ID";
/// Holds the client secret.
pub const CLIENT_SECRET: &str = "COPILOT_CLIENT_SECRET";
/// Names the Copilot.cx environment: requests go to `https://api.<name>.bycopilot.com`.
pub const ENVIRONMENT: &str = "COPILOT_ENVIRONMENT";
/// Holds the whole URL of `collect`, which overrides what the environment's name gives.
pub const COLLECT_ENDPOINT: &str = "COPILOT_CLIENT_COLLECT_ENDPOINT";
/// Holds the whole URL of `set_consent`, which overrides what the environment's name gives.
pub const CONSENT_ENDPOINT: &str = "COPILOT_CLIENT_CONSENT_ENDPOINT";

use std::env::{self, VarError};

/// The value of a variable; none where it is not set.
pub(crate) fn read(variable: &'static str) -> Result<Option<String>, NotUnicode> {
    match env::var(variable) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(NotUnicode),
    }
}

/// The value of a variable is not Unicode.
pub(crate) struct NotUnicode;
