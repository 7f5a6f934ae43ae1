//! The messages of one request, as a conversation between people.

use super::{
    super::MessageSeen,
    facts::{self, Fact},
};

/// The longest name before `: ` in a message of a thread with several people.
const NAME_CHARS_MAX: usize = 40;

/// What one person said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    /// Who: known only where several people take part.
    pub(super) who: Option<&'a str>,
    pub(super) text: &'a str,
    /// Its place in the conversation.
    at: usize,
}

#[derive(Debug)]
pub(super) struct History<'a> {
    said: Vec<Said<'a>>,
    answers: usize,
    waiting_from: usize,
}

impl<'a> History<'a> {
    pub(super) fn new(messages: &'a [MessageSeen]) -> Self {
        let people = || messages.iter().enumerate().filter(|(_, m)| m.role == "user");
        let names: Option<Vec<&str>> = people().map(|(_, m)| Some(split_name(&m.content)?.0)).collect();
        // One message that happens to look like `Name: text` is no sign of several people.
        let named = names.is_some_and(|names| names.len() > 1);
        let said = people().map(|(at, m)| match split_name(&m.content).filter(|_| named) {
            Some((who, text)) => Said { who: Some(who), text, at },
            None => Said { who: None, text: m.content.trim(), at },
        });
        let ours = || messages.iter().enumerate().filter(|(_, m)| m.role == "assistant").map(|(at, _)| at);
        Self { said: said.collect(), answers: ours().count(), waiting_from: ours().next_back().unwrap_or(0) }
    }

    /// What was said since our last answer, oldest first.
    pub(super) fn waiting(&self) -> Vec<Said<'a>> {
        self.said.iter().filter(|said| said.at >= self.waiting_from).copied().collect()
    }

    /// What was said before `question`, by `who` or by anybody.
    pub(super) fn earlier(&self, question: &Said<'_>, who: Option<&str>) -> Vec<Said<'a>> {
        let by = |said: &&Said<'a>| who.is_none_or(|who| said.who.is_some_and(|by| by.eq_ignore_ascii_case(who)));
        self.said.iter().filter(|said| said.at < question.at).filter(by).copied().collect()
    }

    /// The people by name and how many messages each has here, in order of appearance. Empty where names are not known.
    pub(super) fn people(&self) -> Vec<(&'a str, usize)> {
        let mut people: Vec<(&str, usize)> = Vec::new();
        for who in self.said.iter().filter_map(|said| said.who) {
            match people.iter_mut().find(|(name, _)| *name == who) {
                Some((_, messages)) => *messages += 1,
                None => people.push((who, 1)),
            }
        }
        people
    }

    /// How many messages of people, and how many answers of ours, the request holds.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.said.len(), self.answers)
    }

    /// What people told, oldest first, until `question` (included).
    pub(super) fn facts(&self, question: &Said<'_>) -> Vec<Fact<'a>> {
        let said = self.said.iter().filter(|said| said.at <= question.at);
        said.flat_map(|said| facts::told(said.who, said.text)).collect()
    }
}

/// Takes `Name: text` apart.
fn split_name(content: &str) -> Option<(&str, &str)> {
    let (name, text) = content.split_once(": ")?;
    let like_a_name = |c: char| c.is_alphanumeric() || " .'’-_()".contains(c);
    let named = name.chars().next()?.is_alphanumeric() && name.chars().all(like_a_name);
    (named && name.chars().count() <= NAME_CHARS_MAX).then(|| (name, text.trim()))
}
