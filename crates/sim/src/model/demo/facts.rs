//! What people tell about themselves and the world, found by plain patterns.

/// What a fact is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// The name of who said it.
    Name,
    /// Something of theirs: `dog` in "my dog is Rex".
    Own(String),
    /// Themselves: `like` in "I like tea".
    Myself(String),
    /// Something else: `code word` in "the code word is heron".
    Topic(String),
    /// A thing to remember that fits no pattern.
    Note,
}

/// One thing that somebody told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact<'a> {
    pub(super) by: Option<&'a str>,
    pub(super) about: About,
    pub(super) value: String,
}

/// Words that may stand before what is told.
const OPENINGS: &[&str] = &[
    "remember that ",
    "remember: ",
    "remember ",
    "note that ",
    "note: ",
    "please ",
    "hello, ",
    "hello ",
    "hi, ",
    "hi ",
    "hey ",
    "and ",
    "also ",
    "ok, ",
    "by the way, ",
    "fyi, ",
    "btw, ",
    "actually, ",
    "actually ",
    "no, ",
];

/// What people say of themselves after "I".
const SELF_VERBS: &[&str] = &[
    "am", "like", "love", "prefer", "hate", "live", "work", "need", "have", "want", "use", "play", "speak", "come",
    "study", "drink", "eat", "build",
];

/// First words of a sentence that tells nothing by itself.
const NO_TOPIC: &[&str] = &[
    "it", "this", "that", "there", "here", "he", "she", "they", "we", "you", "i", "what", "who", "where", "when",
    "which", "how", "why", "is", "are", "do", "does", "can", "could", "if", "so", "but", "say", "tell", "show",
    "write",
];

/// The longest name of a topic.
const TOPIC_WORDS_MAX: usize = 5;

/// What `text` tells, in its order. Questions tell nothing.
pub(super) fn told<'a>(by: Option<&'a str>, text: &str) -> Vec<Fact<'a>> {
    let statements = sentences(text).into_iter().filter(|sentence| !sentence.ends_with('?'));
    let told = statements.flat_map(|sentence| clauses(sentence.trim_end_matches(['.', '!', ',', ';'])));
    told.filter_map(|clause| fact(&clause)).map(|(about, value)| Fact { by, about, value }).collect()
}

/// Sentences with the mark that ends them. A dot inside a word (`v1.2`) ends none.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut from = 0;
    for (at, mark) in text.char_indices() {
        let next = at + mark.len_utf8();
        let last = text[next..].chars().next().is_none_or(char::is_whitespace);
        if mark == '\n' || (matches!(mark, '.' | '!' | '?' | ';') && last) {
            sentences.push(text[from..next].trim());
            from = next;
        }
    }
    sentences.push(text[from..].trim());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// Takes "I am Ana and my dog is Rex, the code word is heron" apart; leaves "I like salt and pepper, the coarse one" whole.
fn clauses(sentence: &str) -> Vec<String> {
    let mut clauses: Vec<String> = Vec::new();
    for (n, piece) in sentence.split(" and ").enumerate() {
        let glue = if n == 0 { "" } else { " and " };
        for (m, piece) in piece.split(", ").enumerate() {
            let glue = if m == 0 { glue } else { ", " };
            let begins = piece.split_whitespace().next().unwrap_or_default().to_lowercase();
            let stands_alone =
                matches!(begins.as_str(), "i" | "i'm" | "my" | "the" | "our") && (m == 0 || fact(piece).is_some());
            match clauses.last_mut() {
                Some(before) if !stands_alone => {
                    before.push_str(glue);
                    before.push_str(piece);
                }
                _ => clauses.push(piece.to_owned()),
            }
        }
    }
    clauses
}

fn fact(clause: &str) -> Option<(About, String)> {
    let (clause, asked_to_remember) = without_openings(clause.trim());
    let words: Vec<&str> = clause.split_whitespace().collect();
    let lower: Vec<String> = words.iter().map(|w| w.replace('’', "'").to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let rest = |from: usize| words[from..].join(" ");
    match lower.as_slice() {
        ["my", "name", "is", _, ..] => Some((About::Name, rest(3))),
        ["call", "me", _, ..] => Some((About::Name, rest(2))),
        ["i", "am", _, ..] => Some(myself(&words[2..])),
        ["i'm", _, ..] => Some(myself(&words[1..])),
        ["i", verb, _, ..] if SELF_VERBS.contains(verb) => Some((About::Myself((*verb).to_owned()), rest(2))),
        ["my", ..] => is_something(&lower, &words, 1).map(|(own, value)| (About::Own(own), value)),
        ["the" | "our", ..] => is_something(&lower, &words, 1).map(|(topic, value)| (About::Topic(topic), value)),
        [first, ..] if !NO_TOPIC.contains(first) => {
            is_something(&lower, &words, 0).map(|(topic, value)| (About::Topic(topic), value))
        }
        _ => None,
    }
    .or_else(|| (asked_to_remember && !words.is_empty()).then(|| (About::Note, rest(0))))
}

/// A name is written with capitals: "I am Ana Maria". Anything else is something they are: "I am tired".
fn myself(words: &[&str]) -> (About, String) {
    let capital = |word: &&&str| word.chars().next().is_some_and(char::is_uppercase);
    let name: Vec<&str> = words.iter().take_while(capital).copied().collect();
    let name = name.join(" ");
    match name.trim_end_matches([',', '.', ':', '!']) {
        "" => (About::Myself("am".to_owned()), words.join(" ")),
        name => (About::Name, name.to_owned()),
    }
}

/// Finds `is` or `are` after a topic of one to five words that begins at `from`.
fn is_something(lower: &[&str], words: &[&str], from: usize) -> Option<(String, String)> {
    let is = from + lower.get(from..)?.iter().position(|word| matches!(*word, "is" | "are" | "=" | "was"))?;
    let topic = lower.get(from..is).filter(|topic| (1..=TOPIC_WORDS_MAX).contains(&topic.len()))?;
    let value = words.get(is + 1..).filter(|value| !value.is_empty())?;
    Some((topic.join(" "), value.join(" ")))
}

fn without_openings(mut clause: &str) -> (&str, bool) {
    let mut asked_to_remember = false;
    while let Some(opening) = OPENINGS.iter().find(|o| clause.get(..o.len()).is_some_and(|c| c.eq_ignore_ascii_case(o)))
    {
        asked_to_remember |= opening.starts_with("remember") || opening.starts_with("note");
        clause = clause[opening.len()..].trim_start();
    }
    (clause, asked_to_remember)
}
