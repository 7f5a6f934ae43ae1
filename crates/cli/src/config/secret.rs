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
    if starts_with.starts_with("xox") && text.starts_with("xapp-") {
        return Err("the bot token, `xoxb-…`; what stands there is the app-level token, which is slack.app_token (SLACK_APP_TOKEN)".to_owned());
    }
    if starts_with == "xapp-" && text.starts_with("xox") {
        return Err("the app-level token, `xapp-…`; what stands there is a bot's or a person's token, and the bot's is slack.bot_token (SLACK_BOT_TOKEN)".to_owned());
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || !c.is_ascii();
    if text.is_empty() || !text.starts_with(starts_with) || text.contains(odd) {
        // Bots' tokens that are renewed begin in another way; nobody need be told.
        let starts_with = if starts_with == "xox" { "xoxb-" } else { starts_with };
        let start = if starts_with.is_empty() { String::new() } else { format!(" that begins with `{starts_with}`") };
        return Err(format!("one word{start}, as Slack or the model's provider shows it"));
    }
    Ok(SecretString::from(text))
}
