//! What people write and what the right answer to it is: every text can be told from every other, and computed again.

use std::{fmt, str::FromStr};

use rand::{Rng, seq::IndexedRandom};

use crate::dice::{Dice, dice};

/// One message: which thread, and which of its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Token {
    pub(crate) thread: u32,
    pub(crate) number: u32,
}

/// What the model makes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mood {
    /// A few words, at once.
    Plain,
    /// Several parts, with code in fences.
    Long,
    /// A few words, one at a time.
    Slow,
    /// To somebody else: heard, and not answered.
    Aside,
    /// The first time: status 500.
    StumblesError,
    /// The first time: the connection ends without an answer.
    StumblesCut,
    /// Always status 500.
    FailsError,
    /// Always cut in the middle of the answer.
    FailsCut,
    /// Always silent from the middle of the answer on.
    FailsHang,
    /// Always silent from the beginning.
    FailsSilent,
}

impl Mood {
    const ALL: [Self; 10] = [
        Self::Plain,
        Self::Long,
        Self::Slow,
        Self::Aside,
        Self::StumblesError,
        Self::StumblesCut,
        Self::FailsError,
        Self::FailsCut,
        Self::FailsHang,
        Self::FailsSilent,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Long => "long",
            Self::Slow => "slow",
            Self::Aside => "aside",
            Self::StumblesError => "stumbles-error",
            Self::StumblesCut => "stumbles-cut",
            Self::FailsError => "fails-error",
            Self::FailsCut => "fails-cut",
            Self::FailsHang => "fails-hang",
            Self::FailsSilent => "fails-silent",
        }
    }

    /// The model never gives a whole answer: the thread must end with an apology.
    pub(crate) fn fails(self) -> bool {
        matches!(self, Self::FailsError | Self::FailsCut | Self::FailsHang | Self::FailsSilent)
    }

    /// The model fails once and then answers.
    pub(crate) fn stumbles(self) -> bool {
        matches!(self, Self::StumblesError | Self::StumblesCut)
    }
}

/// A message's name and mood, as they stand in its text: `[t3m17 slow]`, and after the first edit `[t3m17.1 slow]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mark {
    pub(crate) token: Token,
    /// How often it was edited.
    pub(crate) edits: u32,
    pub(crate) mood: Mood,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}m{}", self.thread, self.number)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.mood.name();
        let space = if name.is_empty() { "" } else { " " };
        match self.edits {
            0 => write!(f, "[{}{space}{name}]", self.token),
            edits => write!(f, "[{}.{edits}{space}{name}]", self.token),
        }
    }
}

impl FromStr for Token {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (thread, number) = text.strip_prefix('t').and_then(|rest| rest.split_once('m')).ok_or(())?;
        Ok(Self { thread: thread.parse().map_err(drop)?, number: number.parse().map_err(drop)? })
    }
}

/// All marks that stand in a text.
pub(crate) fn marks(text: &str) -> Vec<Mark> {
    let inside = text.split('[').skip(1).filter_map(|rest| Some(rest.split_once(']')?.0));
    let read = |mark: &str| {
        let (name, mood) = mark.split_once(' ').unwrap_or((mark, ""));
        let (token, edits) = name.split_once('.').unwrap_or((name, "0"));
        let mood = Mood::ALL.into_iter().find(|known| known.name() == mood)?;
        Some(Mark { token: token.parse().ok()?, edits: edits.parse().ok()?, mood })
    };
    inside.filter_map(read).collect()
}

/// What a person writes.
pub(crate) fn question(mark: Mark) -> String {
    let mut dice = dice(0, &format!("question {mark}"));
    format!("{mark} {}?", sentence(&mut dice, 4..9))
}

const ANSWERS: &str = "answers ";

/// The right answer to these messages together.
pub(crate) fn answer(marks: &[Mark]) -> String {
    let names: Vec<String> = marks.iter().map(Mark::to_string).collect();
    let bodies: Vec<String> = marks.iter().map(|mark| body(*mark)).collect();
    format!("{ANSWERS}{}\n\n{}", names.join(" "), bodies.join("\n\n"))
}

/// The messages that a text claims to answer, if it is the beginning of an answer.
pub(crate) fn answered(text: &str) -> Option<Vec<Mark>> {
    text.strip_prefix(ANSWERS)?;
    let marks = marks(text.lines().next().unwrap_or_default());
    (!marks.is_empty()).then_some(marks)
}

/// The first line of an answer, which says what it answers, and the rest.
pub(crate) fn headed(answer: &str) -> (&str, &str) {
    answer.split_at(answer.find("\n\n").map_or(answer.len(), |end| end + 2))
}

/// The words alone: where a part was cut, a fence was closed and opened again, and space may be gone.
pub(crate) fn without_seams(text: &str) -> String {
    let lines = text.split('\n').filter(|line| !line.trim_start().starts_with("```"));
    lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect()
}

/// As far as a model comes that breaks off.
pub(crate) fn half(answer: &str) -> &str {
    let at = answer.len() * 2 / 3;
    answer[..at].rfind(' ').map_or(answer, |space| &answer[..space])
}

fn body(mark: Mark) -> String {
    let mut dice = dice(0, &format!("answer {mark}"));
    match mark.mood {
        Mood::Long => pages(&mut dice, mark.token),
        // Longer than what is shown at once, so that it can be cut behind its first words.
        mood if mood.fails() => format!("{}: {}", mark.token, sentence(&mut dice, 60..90)),
        _ => format!("{}: {}.", mark.token, sentence(&mut dice, 8..40)),
    }
}

/// Two to three parts, with code.
fn pages(dice: &mut Dice, token: Token) -> String {
    let length = dice.random_range(10_500..22_000);
    let mut text = format!("{token} at length:");
    let mut line = 0;
    while text.len() < length {
        text += "\n\n";
        if dice.random_ratio(1, 3) {
            text += "```rust\n";
            for _ in 0..dice.random_range(3..40) {
                line += 1;
                text += &format!("let {} = {line}; // {token}\n", WORDS.choose(dice).unwrap_or(&"x"));
            }
            text += "```";
        } else {
            line += 1;
            text += &format!("{token}, {line}: {}.", sentence(dice, 20..120));
        }
    }
    text
}

fn sentence(dice: &mut Dice, length: std::ops::Range<usize>) -> String {
    let length = dice.random_range(length);
    let mut words: Vec<&str> = (0..length).map(|_| *WORDS.choose(dice).unwrap_or(&"x")).collect();
    // What would ping if it were shown as it is.
    if dice.random_ratio(1, 12) {
        words.push(PINGS.choose(dice).unwrap_or(&"@here"));
    }
    words.join(" ")
}

const PINGS: [&str; 4] = ["<!here>", "@channel", "<!subteam^S01>", "@everyone"];

const WORDS: [&str; 40] = [
    "kettle", "bridge", "orchid", "lantern", "harbour", "walnut", "meadow", "copper", "violin", "glacier", "thimble",
    "saddle", "comet", "pepper", "ribbon", "anchor", "maple", "cellar", "falcon", "marble", "candle", "river",
    "button", "garden", "pillar", "salmon", "helmet", "basket", "mirror", "cobalt", "teapot", "ladder", "pigeon",
    "velvet", "quartz", "barley", "tunnel", "parcel", "island", "whistle",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(number: u32, mood: Mood) -> Mark {
        Mark { token: Token { thread: 3, number }, edits: number % 3, mood }
    }

    #[test]
    fn marks_are_read_as_they_are_written() {
        let all: Vec<Mark> = Mood::ALL.into_iter().zip(0..).map(|(mood, number)| mark(number, mood)).collect();
        let text: String = all.iter().map(|mark| format!("Ana: {mark} and [this] is [t1] none; ")).collect();
        assert_eq!(marks(&text), all);
    }

    #[test]
    fn an_answer_says_what_it_answers_and_differs_from_every_other() {
        let (one, other) = (mark(1, Mood::Plain), mark(2, Mood::Long));
        assert_eq!(answered(&answer(&[one, other])), Some(vec![one, other]));
        assert_ne!(body(one), body(mark(2, Mood::Plain)));
        assert!(answer(&[other]).len() > 10_000);
        assert_eq!(answered("Sorry"), None);
    }
}
