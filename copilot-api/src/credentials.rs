//! Who is asking: the Basic credentials.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

use crate::env::{self, CLIENT_ID, CLIENT_SECRET};

/// The client id and secret that Copilot.cx gave you, ready to be sent as HTTP Basic authentication (`seed`).
///
/// The secret cannot be read back, appears in no `Debug` output, error or log, and its memory is wiped when the last
/// clone is dropped. What the HTTP library copies into its own buffers while it sends a request is out of reach.
///
/// ```
/// use copilot_api::Credentials;
///
/// let credentials = Credentials::new("ABABABABQQIRZ", "k9H2Nd3T5j5EW2Fu160l11Hal3x3oa")?;
/// assert_eq!(format!("{credentials:?}"), r#"Credentials { client_id: "ABABABABQQIRZ", client_secret: "[redacted]" }"#);
/// # Ok::<(), copilot_api::CredentialsError>(())
/// ```
#[derive(Clone)]
pub struct Credentials {
    client_id: String,
    authorization: HeaderValue,
}

impl Credentials {
    /// Takes an id and a secret.
    ///
    /// # Errors
    ///
    /// When either is empty or has a control character (the newline at the end of a file, most often), or the id has
    /// a colon: Basic authentication ends the id there.
    pub fn new(
        client_id: impl Into<String>,
        client_secret: impl Into<String>,
    ) -> Result<Self, CredentialsError> {
        let client_id = client_id.into();
        let client_secret = Zeroizing::new(client_secret.into());
        for (part, text) in
            [(Part::ClientId, client_id.as_str()), (Part::ClientSecret, client_secret.as_str())]
        {
            if text.is_empty() {
                return Err(CredentialsError::Empty(part));
            }
            if let Some(position) = text.chars().position(char::is_control) {
                return Err(CredentialsError::ControlCharacter { part, position: position + 1 });
            }
        }
        if client_id.contains(':') {
            return Err(CredentialsError::ColonInClientId);
        }
        let pair = Zeroizing::new(format!("{client_id}:{}", *client_secret));
        // Reserved in one piece: growing would leave copies behind that nothing wipes.
        let mut header = Zeroizing::new(String::with_capacity("Basic ".len() + pair.len().div_ceil(3) * 4));
        header.push_str("Basic ");
        STANDARD.encode_string(pair.as_bytes(), &mut header);
        let mut authorization = HeaderValue::from_maybe_shared(Bytes::from_owner(Wiped(header)))
            .map_err(|_| CredentialsError::NotAHeader)?;
        authorization.set_sensitive(true);
        Ok(Self { client_id, authorization })
    }

    /// Takes `COPILOT_CLIENT_ID` and `COPILOT_CLIENT_SECRET` from the environment.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and when a variable is not set or not Unicode.
    pub fn from_env() -> Result<Self, CredentialsError> {
        let read = |variable| {
            let value = env::read(variable).map_err(|_| CredentialsError::NotUnicode { variable })?;
            value.ok_or(CredentialsError::NotSet { variable })
        };
        Self::new(read(CLIENT_ID)?, read(CLIENT_SECRET)?)
    }

    /// The client id.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The value of the `Authorization` header, marked as sensitive so that HTTP libraries do not print it.
    pub fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("client_id", &self.client_id)
            .field("client_secret", &"[redacted]")
            .finish()
    }
}

/// The header's text, wiped when the last `HeaderValue` that shares it is gone.
struct Wiped(Zeroizing<String>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// One half of the credentials.
///
/// ```
/// use copilot_api::{Credentials, CredentialsError, Part};
///
/// assert_eq!(Credentials::new("id", "").unwrap_err(), CredentialsError::Empty(Part::ClientSecret));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The client id.
    ClientId,
    /// The client secret.
    ClientSecret,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClientId => "client id",
            Self::ClientSecret => "client secret",
        })
    }
}

/// Why an id and a secret are no credentials. Never repeats either.
///
/// ```
/// use copilot_api::{Credentials, CredentialsError};
///
/// assert_eq!(Credentials::new("a:b", "secret").unwrap_err(), CredentialsError::ColonInClientId);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialsError {
    /// A part is empty.
    Empty(Part),
    /// The client id has a colon, at which Basic authentication would end it.
    ColonInClientId,
    /// A part has a control character.
    ControlCharacter {
        /// The part.
        part: Part,
        /// The position of the character, from 1.
        position: usize,
    },
    /// The two do not make a header, which no pair is known to do.
    NotAHeader,
    /// An environment variable is not set.
    NotSet {
        /// Its name.
        variable: &'static str,
    },
    /// An environment variable is not Unicode.
    NotUnicode {
        /// Its name.
        variable: &'static str,
    },
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty(part) => write!(f, "the {part} is empty"),
            Self::ColonInClientId => {
                f.write_str("the client id has a colon, where Basic authentication would end it")
            }
            Self::ControlCharacter { part, position } => {
                write!(
                    f,
                    "the {part} has a control character at position {position}; a newline from a file, perhaps"
                )
            }
            Self::NotAHeader => f.write_str("the credentials do not make an Authorization header"),
            Self::NotSet { variable } => write!(f, "the environment variable {variable} is not set"),
            Self::NotUnicode { variable } => write!(f, "the environment variable {variable} is not Unicode"),
        }
    }
}

impl std::error::Error for CredentialsError {}
