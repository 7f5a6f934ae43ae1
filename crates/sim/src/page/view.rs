//! What a window shows: who looks, where, and what is open there. It is all in the address, so that a page can be reloaded,
//! kept and gone back to.

use std::fmt::Write;

use chathakase_session::SlackTs;
use serde::Deserialize;

/// The direct messages with the assistant, in an address.
pub(crate) const DIRECT: &str = "dm";
/// The longest name of a person (Slack: 80; shorter here, so that it fits).
const NAME_CHARS_MAX: usize = 20;

/// One window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) who: String,
    /// A channel's name without `#`, or [`DIRECT`]; none is the list of places, which a wide window shows beside a channel.
    pub(crate) place: Option<String>,
    pub(crate) root: Option<SlackTs>,
    /// The own post that is being changed.
    pub(crate) edit: Option<SlackTs>,
    /// The own post that is about to be deleted.
    pub(crate) delete: Option<SlackTs>,
    /// Whether it shows what goes on behind.
    pub(crate) backstage: bool,
}

/// What stands behind the `?` of an address.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Asked {
    edit: Option<String>,
    delete: Option<String>,
    backstage: Option<String>,
}

impl View {
    /// From an address' parts. What is no timestamp is left out.
    pub(crate) fn of(who: String, place: Option<String>, root: Option<String>, asked: &Asked) -> Self {
        let ts = |text: &Option<String>| text.as_ref().and_then(|text| SlackTs::parse(text).ok());
        Self {
            who,
            place,
            root: ts(&root),
            edit: ts(&asked.edit),
            delete: ts(&asked.delete),
            backstage: asked.backstage.is_some(),
        }
    }

    /// The channel's name, if it is one; the first one where none is chosen.
    pub(crate) fn channel(&self) -> Option<&str> {
        self.place.as_deref().filter(|place| *place != DIRECT)
    }

    pub(crate) fn is_direct(&self) -> bool {
        self.place.as_deref() == Some(DIRECT)
    }

    /// The address of a place, with nothing open but the backstage.
    pub(crate) fn at(&self, place: &str) -> Self {
        Self { who: self.who.clone(), place: Some(place.to_owned()), backstage: self.backstage, ..Self::default() }
    }

    pub(crate) fn thread(&self, root: SlackTs) -> Self {
        Self { root: Some(root), edit: None, delete: None, ..self.clone() }
    }

    pub(crate) fn without_thread(&self) -> Self {
        Self { root: None, edit: None, delete: None, ..self.clone() }
    }

    /// The list of places.
    pub(crate) fn list(&self) -> Self {
        Self { who: self.who.clone(), backstage: false, ..Self::default() }
    }

    pub(crate) fn editing(&self, ts: SlackTs) -> Self {
        Self { edit: Some(ts), delete: None, ..self.clone() }
    }

    pub(crate) fn deleting(&self, ts: SlackTs) -> Self {
        Self { delete: Some(ts), edit: None, ..self.clone() }
    }

    /// Neither changing nor deleting.
    pub(crate) fn calm(&self) -> Self {
        Self { edit: None, delete: None, ..self.clone() }
    }

    pub(crate) fn with_backstage(&self, backstage: bool) -> Self {
        Self { backstage, ..self.calm() }
    }

    /// The address.
    pub(crate) fn href(&self) -> String {
        let mut href = String::new();
        for part in
            [Some(self.who.clone()), self.place.clone(), self.root.map(|root| root.to_string())].into_iter().flatten()
        {
            href.push('/');
            href.push_str(&encoded(&part));
        }
        let edit = self.edit.map(|ts| format!("edit={ts}"));
        let delete = self.delete.map(|ts| format!("delete={ts}"));
        let backstage = self.backstage.then(|| "backstage=1".to_owned());
        for (n, part) in [edit, delete, backstage].into_iter().flatten().enumerate() {
            href.push(if n == 0 { '?' } else { '&' });
            href.push_str(&part);
        }
        href
    }
}

/// A name in Slack's alphabet, in lower case.
///
/// # Errors
/// Why it is none, in words for who typed it.
pub(crate) fn name(text: &str) -> Result<String, &'static str> {
    let name = text.trim().trim_start_matches('@').to_lowercase();
    if name == "assistant" {
        return Err("The assistant is here already; take another name.");
    }
    if ["do", "live"].contains(&name.as_str()) {
        return Err("This page needs that word for its own addresses; take another name.");
    }
    match name.chars().count() {
        0 => Err("A name has at least one letter."),
        1..=NAME_CHARS_MAX if name.chars().all(|c| c.is_alphanumeric() || "-_".contains(c)) => Ok(name),
        1..=NAME_CHARS_MAX => Err("As in Slack, a name is one word of letters, digits, - and _, such as ana-maria."),
        _ => Err("A name has 20 letters at most."),
    }
}

fn encoded(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_an_address() {
        let ts = SlackTs::parse("1700000000.000100").unwrap();
        let list = View { who: "zoë".into(), ..View::default() };
        let channel = list.at("general");
        let thread = channel.thread(ts).with_backstage(true);
        for (view, href) in [
            (list, "/zo%C3%AB"),
            (channel.clone(), "/zo%C3%AB/general"),
            (channel.editing(ts), "/zo%C3%AB/general?edit=1700000000.000100"),
            (thread.clone(), "/zo%C3%AB/general/1700000000.000100?backstage=1"),
            (thread.deleting(ts), "/zo%C3%AB/general/1700000000.000100?delete=1700000000.000100&backstage=1"),
            (thread.without_thread(), "/zo%C3%AB/general?backstage=1"),
            (thread.at(DIRECT), "/zo%C3%AB/dm?backstage=1"),
        ] {
            assert_eq!(view.href(), href);
        }
    }

    #[test]
    fn odd_addresses_show_less() {
        let asked = Asked { edit: Some("<script>".into()), delete: None, backstage: None };
        let view = View::of("ana".into(), Some("general".into()), Some("x".into()), &asked);
        assert_eq!(view, View { who: "ana".into(), place: Some("general".into()), ..View::default() });
    }

    #[test]
    fn names_are_words() {
        for (typed, read) in [
            ("ana", Ok("ana")),
            (" @Zoë ", Ok("zoë")),
            ("", Err("at least one")),
            ("Ana Maria", Err("one word")),
            ("a/b", Err("one word")),
            ("page.css", Err("one word")),
            ("live", Err("addresses")),
            ("Assistant", Err("here already")),
            ("a-name-of-more-than-20", Err("at most")),
        ] {
            match (name(typed), read) {
                (Ok(name), Ok(read)) => assert_eq!(name, read, "{typed:?}"),
                (Err(why), Err(part)) => assert!(why.contains(part), "{typed:?}: {why}"),
                (name, _) => panic!("{typed:?}: {name:?}"),
            }
        }
    }
}
