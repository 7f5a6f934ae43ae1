//! What a person says.

use chathakase_session::SlackTs;
use serde_json::json;

use crate::slack::world::{Draft, Home, World, as_typed};

/// A post of a person: text, and what may come with it. Plain text becomes one by itself.
#[derive(Clone, Debug, Default)]
pub struct Saying {
    text: String,
    subtype: Option<String>,
    files: Vec<String>,
}

impl<T: Into<String>> From<T> for Saying {
    fn from(text: T) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

impl Saying {
    /// With a file of this name (subtype `file_share`).
    #[must_use]
    pub fn with_file(mut self, name: &str) -> Self {
        self.files.push(name.to_owned());
        self.subtype("file_share")
    }
    /// A reply that is also shown in the channel (subtype `thread_broadcast`).
    #[must_use]
    pub fn also_to_channel(self) -> Self {
        self.subtype("thread_broadcast")
    }
    /// As `/me` posts it (subtype `me_message`).
    #[must_use]
    pub fn as_me(self) -> Self {
        self.subtype("me_message")
    }
    /// With any subtype.
    #[must_use]
    pub fn subtype(mut self, subtype: &str) -> Self {
        self.subtype = Some(subtype.to_owned());
        self
    }

    pub(crate) fn mentioning(mut self, bot: &chathakase_session::UserId) -> Self {
        self.text = format!("<@{bot}> {}", self.text).trim_end().to_owned();
        self
    }

    /// As Slack keeps it: escaped, and `@name` of a known person turned into a mention.
    pub(crate) fn draft(self, world: &mut World, home: Home, who: &str, thread: Option<SlackTs>) -> Draft {
        let user = world.person(home, who);
        let text = with_mentions(world, home, &as_typed(&self.text));
        let mut draft = Draft::new(user.clone(), thread, text);
        draft.subtype = self.subtype;
        for name in self.files {
            let id = format!("F{:07}", world.next_number());
            let kind = name.rsplit('.').next().unwrap_or("bin").to_owned();
            let url = format!("https://files.slack.com/files-pri/T1-{id}/{name}");
            draft.files.push(json!({"id": id, "name": name, "title": name, "mimetype": "application/octet-stream",
                "filetype": kind, "size": 1234, "mode": "hosted", "is_external": false, "user": user,
                "url_private": url, "url_private_download": url, "file_access": "visible"}));
        }
        draft
    }
}

fn with_mentions(world: &World, home: Home, text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        let name: String = word.chars().skip(1).take_while(|c| c.is_alphanumeric() || "-_".contains(*c)).collect();
        let known = Some(name.as_str()).filter(|_| word.starts_with('@')).and_then(|name| world.named(home, name));
        match known {
            Some(id) => words += &format!("<@{id}>{}", &word[1 + name.len()..]),
            None => words += word,
        }
    }
    words
}
