//! What a call was asked with, from a query, a form or JSON.

use std::borrow::Cow;

use axum::http::HeaderMap;
use chathakase_session::{SlackTs, UserId};
use serde_json::{Map, Value};

use super::{Refusal, method::Body};

/// The arguments of one call.
#[derive(Debug, Default)]
pub(crate) struct Args {
    values: Map<String, Value>,
    /// Hints that Slack puts into `warning`.
    pub(crate) warnings: Vec<&'static str>,
}

impl Args {
    /// Reads them as Slack does: methods that read take no JSON, and do not even complain about it.
    pub(crate) fn read(takes: Body, headers: &HeaderMap, query: Option<&str>, body: &[u8]) -> Result<Self, Refusal> {
        let mut args = Self::default();
        if let Some(query) = query {
            args.add_form(query.as_bytes());
        }
        let content_type = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        let has_charset = parameters.to_ascii_lowercase().contains("charset");
        match kind.trim().to_ascii_lowercase().as_str() {
            // Slack takes a call without arguments that says JSON and sends nothing: its own Python client does.
            "application/json" if takes == Body::FormOnly || body.is_empty() => {}
            "application/json" => {
                match serde_json::from_slice(body) {
                    Ok(Value::Object(values)) => args.values.extend(values),
                    Ok(_) => return Err(Refusal::code("json_not_object")),
                    Err(_) => return Err(Refusal::code("invalid_json")),
                }
                if !has_charset {
                    args.warnings.push("missing_charset");
                }
            }
            "application/x-www-form-urlencoded" => {
                args.add_form(body);
                if has_charset {
                    args.warnings.push("superfluous_charset");
                }
            }
            _ if body.is_empty() => {}
            "" => return Err(Refusal::code("missing_post_type")),
            _ => return Err(Refusal::code("invalid_post_type")),
        }
        Ok(args)
    }

    fn add_form(&mut self, form: &[u8]) {
        for pair in form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let value = pair.get(at + 1..).unwrap_or_default();
            self.values.insert(decoded(&pair[..at]), Value::String(decoded(value)));
        }
    }

    pub(crate) fn as_value(&self) -> Value {
        Value::Object(self.values.clone())
    }

    /// A text argument; absent when missing, null or empty.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.values.get(name)? {
            Value::String(text) if !text.is_empty() => Some(Cow::Borrowed(text)),
            Value::Number(number) => Some(Cow::Owned(number.to_string())),
            Value::Bool(flag) => Some(Cow::Owned(flag.to_string())),
            _ => None,
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| !value.is_null())
    }

    pub(crate) fn needed(&self, name: &str) -> Result<Cow<'_, str>, Refusal> {
        self.text(name).ok_or_else(|| Refusal::missing(name))
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.text(name)?.as_ref() {
            "true" | "1" => Some(true),
            _ => Some(false),
        }
    }

    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.text(name)?.parse().ok()
    }

    /// An array or object: itself in JSON, a JSON string in a form.
    pub(crate) fn json(&self, name: &str, wrong: &'static str) -> Result<Option<Value>, Refusal> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text).map(Some).map_err(|_| Refusal::code(wrong)),
            Some(value) => Ok(Some(value.clone())),
        }
    }

    /// A message's timestamp; `wrong` is the error for one that is none.
    pub(crate) fn ts(&self, name: &str, wrong: &'static str) -> Result<Option<SlackTs>, Refusal> {
        self.text(name).map(|text| SlackTs::parse(&text)).transpose().map_err(|_| Refusal::code(wrong))
    }

    pub(crate) fn user(&self, name: &str) -> Result<UserId, Refusal> {
        UserId::parse(&self.needed(name)?).map_err(|_| Refusal::code("user_not_found"))
    }
}

/// Percent and plus signs taken back (WHATWG URL: urlencoded parsing).
fn decoded(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let hex = |n: usize| text.get(at + n).and_then(|byte| char::from(*byte).to_digit(16));
        match (text[at], hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                at += 2;
            }
            (b'+', ..) => bytes.push(b' '),
            (byte, ..) => bytes.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_decoded() {
        let mut args = Args::default();
        args.add_form("channel=C1&text=h%C3%A9llo+%26+bye&empty=&odd=%zz&flag".as_bytes());
        assert_eq!(args.text("text").unwrap(), "héllo & bye");
        assert_eq!(args.text("odd").unwrap(), "%zz");
        assert!(args.text("empty").is_none() && args.text("flag").is_none());
    }
}
