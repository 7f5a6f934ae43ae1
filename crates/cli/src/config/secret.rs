//! What a token or key looks like, whoever wrote it.

use secrecy::{ExposeSecret, SecretString};

/// How many characters Slack's signing secrets have had so far, all of them hexadecimal digits.
const SIGNING_SECRET_LEN: usize = 32;

/// Whether it looks as Slack's signing secrets do. One that does not may be right all the same: Slack promises no form.
pub(crate) fn looks_like_a_signing_secret(secret: &SecretString) -> bool {
    let text = secret.expose_secret();
    text.len() == SIGNING_SECRET_LEN && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Takes a secret that begins with `starts_with`, or says what is wanted instead; never shows it.
pub(crate) fn check(text: &str, starts_with: &str) -> Result<SecretString, String> {
    let text = text.trim();
    if text.contains('…') || text.ends_with("...") {
        return Err("the whole token; what stands there is the placeholder of an example".to_owned());
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || !c.is_ascii();
    if text.is_empty() || !text.starts_with(starts_with) || text.contains(odd) {
        let start = if starts_with.is_empty() { String::new() } else { format!(" that begins with `{starts_with}`") };
        return Err(format!("one word{start}, as Slack or the model's provider shows it"));
    }
    Ok(SecretString::from(text))
}
