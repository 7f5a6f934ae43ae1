//! What the demo's model answers to what. The first rule that has an answer gives it.

use super::{
    facts::{About, Fact},
    history::{History, Said},
    pages,
};

/// A rule answers, or leaves it to the next one.
type Rule = fn(&Asked<'_>) -> Option<String>;

const RULES: &[Rule] = &[
    pages::on_request,
    who_am_i,
    who_are_you,
    who_is_here,
    what_was_said,
    a_fact_asked_for,
    what_is_remembered,
    how_many_messages,
    what_can_you_do,
    thanks,
    something_told,
    greeting,
];

/// Earlier messages and facts in one answer; older ones are only counted.
const LISTED_MAX: usize = 10;

/// Characters of a quoted message.
const QUOTE_CHARS_MAX: usize = 120;

/// One message that wants an answer.
pub(super) struct Asked<'a> {
    pub(super) history: &'a History<'a>,
    pub(super) said: &'a Said<'a>,
    /// The words in lower case, with one space between and around them.
    pub(super) words: String,
}

impl Asked<'_> {
    pub(super) fn has(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.words.contains(&format!(" {phrase} ")))
    }

    pub(super) fn starts(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.words.starts_with(&format!(" {phrase} ")))
    }

    fn is_question(&self) -> bool {
        const FIRST_WORDS: &[&str] =
            &["what", "who", "where", "when", "which", "how", "tell me", "do you know", "do you remember"];
        self.said.text.ends_with('?') || self.starts(FIRST_WORDS)
    }

    /// The asker's name, from the messages' form or from what they told.
    fn name(&self) -> Option<String> {
        let told = || self.mine().into_iter().rev().find(|fact| fact.about == About::Name).map(|fact| fact.value);
        self.said.who.map(str::to_owned).or_else(told)
    }

    /// What the asker told.
    fn mine(&self) -> Vec<Fact<'_>> {
        let mut facts = self.history.facts(self.said);
        facts.retain(|fact| fact.by == self.said.who);
        facts
    }
}

/// The answer of the first rule that has one.
pub(super) fn find(history: &History<'_>, said: &Said<'_>) -> Option<String> {
    let asked = Asked { history, said, words: plain_words(said.text) };
    RULES.iter().find_map(|rule| rule(&asked))
}

/// A request without a person's message.
pub(super) fn nothing_asked() -> String {
    "I was sent no message of a person, so there is nothing to answer.".to_owned()
}

/// When no rule has an answer.
pub(super) fn otherwise(history: &History<'_>, said: &Said<'_>) -> String {
    let question = said.text.ends_with('?');
    let heard = if question {
        "I cannot know that: I am a built-in stand-in, not a language model."
    } else {
        "Heard, and in this thread's history."
    };
    format!("{heard} {} Try “what do you remember?” or “what can you do?”.", shown(history))
}

/// Lower case, `what's` written out, everything but letters, digits and apostrophes turned into single spaces.
fn plain_words(text: &str) -> String {
    let lower = text.to_lowercase().replace('’', "'");
    let spaced: String = lower.chars().map(|c| if c.is_alphanumeric() || c == '\'' { c } else { ' ' }).collect();
    let mut plain = String::from(" ");
    for word in spaced.split_whitespace() {
        plain += match word {
            "what's" | "whats" => "what is",
            "who's" | "whos" => "who is",
            "where's" => "where is",
            "when's" => "when is",
            "i'm" => "i am",
            other => other,
        };
        plain.push(' ');
    }
    plain
}

fn who_am_i(asked: &Asked<'_>) -> Option<String> {
    let phrases =
        ["who am i", "what is my name", "do you know me", "do you remember me", "know who i am", "remember my name"];
    if !asked.has(&phrases) {
        return None;
    }
    let about = about_asker(&asked.mine());
    Some(match (asked.name(), about.as_str()) {
        (Some(name), "") => format!("You are **{name}**."),
        (Some(name), _) => format!("You are **{name}**. You told me:\n\n{about}"),
        (None, "") => "You have not told me, and this thread is all I know. Say “I am …” and ask again.".to_owned(),
        (None, _) => format!("You told me:\n\n{about}"),
    })
}

fn who_are_you(asked: &Asked<'_>) -> Option<String> {
    let phrases = [
        "who are you",
        "what are you",
        "are you a bot",
        "are you an ai",
        "are you real",
        "are you human",
        "which model are you",
    ];
    asked.has(&phrases).then(|| {
        format!(
            "I am the demo's built-in stand-in, **not a language model**: a page of rules that answers from the messages it is \
             sent, and from nothing else. {} With `chathakase serve` a real model takes my place.",
            shown(asked.history)
        )
    })
}

fn who_is_here(asked: &Asked<'_>) -> Option<String> {
    if !asked.has(&[
        "who is here",
        "who else is here",
        "who is in this thread",
        "who is in the thread",
        "who takes part",
    ]) {
        return None;
    }
    let people = asked.history.people();
    if people.is_empty() {
        let you = asked.name().map_or("you".to_owned(), |name| format!("you, **{name}**"));
        return Some(format!("Only {you} and I: every message I was shown is from one person."));
    }
    let people = people.iter().map(|(name, n)| format!("- **{name}**, {}", counted(*n, "message")));
    Some(format!("In the messages I was shown:\n\n{}\n- and I", lines(people)))
}

fn what_was_said(asked: &Asked<'_>) -> Option<String> {
    let by_all = asked.has(&["what did we say", "what was said", "what have we said", "what did we talk about"]);
    let by_asker =
        asked.has(&["what did i say", "what have i said", "what did i tell you", "what did i write", "what did i ask"]);
    let people = asked.history.people();
    let name = people.iter().map(|(name, _)| *name).find(|name| {
        let name = plain_words(name);
        asked.words.contains(&format!(" what did{name}say ")) || asked.words.contains(&format!(" what has{name}said "))
    });
    let (who, by) = match name {
        Some(name) => (Some(name), name),
        None if by_asker => (asked.said.who, "You"),
        None if by_all => (None, "You"),
        None => return None,
    };
    let said = asked.history.earlier(asked.said, who);
    if said.is_empty() {
        return Some(format!("Nothing before this, as far as I was shown. {}", shown(asked.history)));
    }
    let quoted = listed(&said, |said| match said.who.filter(|_| by_all) {
        Some(who) => format!("{who}: “{}”", quote(said.text)),
        None => format!("“{}”", quote(said.text)),
    });
    Some(format!("{by} said:\n\n{quoted}"))
}

fn a_fact_asked_for(asked: &Asked<'_>) -> Option<String> {
    if !asked.is_question() {
        return None;
    }
    let facts = asked.history.facts(asked.said);
    facts.iter().rev().find_map(|fact| {
        let mine = fact.by == asked.said.who;
        let theirs = fact.by.filter(|_| !mine);
        let (before, topic) = match (&fact.about, theirs) {
            (About::Own(own), None) if asked.has(&[&format!("my {own}")]) => ("Your ".to_owned(), own),
            (About::Own(own), Some(who)) if asked.has(&[&format!("{}'s {own}", who.to_lowercase())]) => {
                (format!("{who}’s "), own)
            }
            (About::Topic(topic), _) if asked.has(&[topic]) => ("The ".to_owned(), topic),
            _ => return None,
        };
        let source = theirs.map(|who| format!(" {who} said so.")).unwrap_or_default();
        Some(format!("{before}{topic} is **{}**.{source}", fact.value))
    })
}

fn what_is_remembered(asked: &Asked<'_>) -> Option<String> {
    let phrases = [
        "what do you remember",
        "what do you know",
        "what have you learned",
        "recap",
        "summary",
        "summarize",
        "summarise",
        "sum up",
    ];
    if !asked.has(&phrases) {
        return None;
    }
    let facts = asked.history.facts(asked.said);
    if facts.is_empty() {
        let said = asked.history.earlier(asked.said, None);
        let newest = said
            .last()
            .map(|said| format!(" The newest before yours says “{}”.", quote(said.text)))
            .unwrap_or_default();
        return Some(format!("{} Nobody told a fact that I can recognise.{newest}", shown(asked.history)));
    }
    let told = listed(&facts, |fact| match fact.by {
        Some(who) => format!("{who} said: {}", retold(fact, false)),
        None => retold(fact, true),
    });
    Some(format!("{} From them I recall:\n\n{told}", shown(asked.history)))
}

fn how_many_messages(asked: &Asked<'_>) -> Option<String> {
    asked.has(&["how many messages", "how much do you see", "how much history"]).then(|| shown(asked.history))
}

fn what_can_you_do(asked: &Asked<'_>) -> Option<String> {
    asked.has(&["what can you do", "help me", "what can i ask", "what should i try"]).then(|| {
        "I answer from this thread's messages. Try:\n\n\
         - “I am Ana”, “my dog is Rex”, “the code word is heron”, later “who am I?” or “what is the code word?”\n\
         - “who is here?”, “what did I say?”, “what do you remember?”, “how many messages?”\n\
         - “make a list”, “show a table”, “show some code”, “write a long answer”\n\n\
         `help` shows the commands of the assistant itself, which need no model."
            .to_owned()
    })
}

fn thanks(asked: &Asked<'_>) -> Option<String> {
    let name = asked.name().map(|name| format!(", {name}")).unwrap_or_default();
    asked.starts(&["thanks", "thank you", "thx", "cheers"]).then(|| format!("You are welcome{name}."))
}

fn something_told(asked: &Asked<'_>) -> Option<String> {
    let told = super::facts::told(asked.said.who, asked.said.text);
    let name = told.iter().find(|fact| fact.about == About::Name).map(|fact| fact.value.as_str());
    let others: Vec<&Fact<'_>> = told.iter().filter(|fact| fact.about != About::Name).collect();
    let noted = (!others.is_empty()).then(|| format!("noted: {}", join(others.iter().map(|fact| retold(fact, true)))));
    match (name, noted) {
        (Some(name), None) => Some(format!("Nice to meet you, **{name}**. Ask me “who am I?” whenever you like.")),
        (Some(name), Some(noted)) => Some(format!("Nice to meet you, **{name}**, and {noted}.")),
        (None, Some(noted)) => Some(format!("{}{}.", noted[..1].to_uppercase(), &noted[1..])),
        (None, None) => None,
    }
}

fn greeting(asked: &Asked<'_>) -> Option<String> {
    let name = asked.name().map(|name| format!(" {name}")).unwrap_or_default();
    asked.starts(&["hello", "hi", "hey", "good morning", "good evening"]).then(|| {
        format!(
            "Hello{name}! I am the demo's built-in stand-in, not a language model, but I do remember this thread. {} \
             “What can you do?” shows what to try.",
            shown(asked.history)
        )
    })
}

/// What the request held, in numbers.
fn shown(history: &History<'_>) -> String {
    let (said, answers) = history.counts();
    let people = history.people();
    let from = match people.len() {
        0 | 1 => String::new(),
        _ => format!(" from {}", join(people.iter().map(|(name, _)| (*name).to_owned()))),
    };
    let answers = if answers == 0 { String::new() } else { format!(" and {} of mine", counted(answers, "answer")) };
    format!("I was shown {}{from}{answers}.", counted(said, "message"))
}

fn about_asker(facts: &[Fact<'_>]) -> String {
    let facts: Vec<&Fact<'_>> = facts.iter().filter(|fact| fact.about != About::Name).collect();
    listed(&facts, |fact| retold(fact, true))
}

/// A fact as said to who told it, or about them in their own words.
fn retold(fact: &Fact<'_>, to_teller: bool) -> String {
    let value = &fact.value;
    match (&fact.about, to_teller) {
        (About::Name, true) => format!("you are {value}"),
        (About::Name, false) => format!("“I am {value}”"),
        (About::Own(own), true) => format!("your {own} is {value}"),
        (About::Own(own), false) => format!("“my {own} is {value}”"),
        (About::Myself(verb), true) if verb == "am" => format!("you are {value}"),
        (About::Myself(verb), true) => format!("you {verb} {value}"),
        (About::Myself(verb), false) => format!("“I {verb} {value}”"),
        (About::Topic(topic), _) => format!("the {topic} is {value}"),
        (About::Note, _) => value.clone(),
    }
}

/// The newest entries as a list, oldest first; older ones are counted.
fn listed<T>(entries: &[T], show: impl Fn(&T) -> String) -> String {
    let older = entries.len().saturating_sub(LISTED_MAX);
    let mark = (older > 0).then(|| format!("- ({older} more before these)"));
    let shown = entries[older..].iter().map(|entry| format!("- {}", show(entry)));
    lines(mark.into_iter().chain(shown))
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

fn join(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    match parts.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        parts => parts.concat(),
    }
}

fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// The first line, shortened.
fn quote(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(QUOTE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.len() < text.len() => format!("{line} …"),
        None => line.to_owned(),
    }
}
