//! What is said of a payload that cannot be used.

/// The payload is of no use to us, now or when it is sent again: never retry.
///
/// The message names the place and never quotes the payload, which may hold what people wrote.
#[derive(Debug, thiserror::Error)]
pub enum BadPayload {
    /// Slack sends UTF-8 only.
    #[error("the payload is not UTF-8 text; send JSON as Slack does")]
    NotUtf8(#[source] std::str::Utf8Error),
    /// Cut off or not JSON at all.
    #[error("the payload is not JSON (line {line}, column {column}); send the event as Slack does")]
    NotJson {
        /// Where it breaks, from 1.
        line: usize,
        /// Where in that line, from 1.
        column: usize,
        /// What the parser said; its text quotes nothing.
        #[source]
        cause: serde_json::Error,
    },
    /// JSON, but `null`, a number, a list...
    #[error("the payload is JSON but not an object; send the event as Slack does")]
    NotAnObject,
    /// Without this part nobody can tell what the payload is about.
    #[error("the payload has no usable {0}; Slack's Events API describes it")]
    Missing(&'static str),
}

impl BadPayload {
    pub(crate) fn from_json(cause: serde_json::Error) -> Self {
        // An error about data quotes what it found, which may be what somebody wrote: it goes no further.
        if cause.is_data() {
            return Self::NotAnObject;
        }
        Self::NotJson { line: cause.line(), column: cause.column(), cause }
    }
}
