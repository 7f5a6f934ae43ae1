//! Lists, tables, code and long answers on request: to see how Markdown looks in the thread.

use super::rules::Asked;

/// Words of a long answer when no number is given.
const LONG_WORDS: usize = 400;

/// The longest answer on request, in words.
const LONG_WORDS_MAX: usize = 12_000;

/// Paragraphs between two headings of a long answer.
const PARAGRAPHS_PER_CHAPTER: usize = 4;

/// Answers a request for a page of some form.
pub(super) fn on_request(asked: &Asked<'_>) -> Option<String> {
    const ASKING: &[&str] =
        &["show", "write", "give", "make", "draw", "print", "can", "could", "please", "tell", "send"];
    if !asked.starts(ASKING) && !asked.has(&["as a list", "as a table"]) {
        return None;
    }
    if asked.has(&["long answer", "long text", "long story", "long one"]) || words_wanted(&asked.words).is_some() {
        return Some(long(words_wanted(&asked.words).unwrap_or(LONG_WORDS).min(LONG_WORDS_MAX)));
    }
    type Page = fn() -> String;
    let pages: [(&[&str], Page); 3] = [
        (&["table"], table),
        (&["code", "code block", "function", "snippet"], code),
        (&["list", "bullets", "bullet points"], list),
    ];
    pages.iter().find(|(phrases, _)| asked.has(phrases)).map(|(_, page)| page())
}

/// The number in "write 3000 words".
fn words_wanted(words: &str) -> Option<usize> {
    let before = words.split(" words ").next().filter(|before| before.len() < words.len())?;
    before.split_whitespace().last()?.parse().ok()
}

fn list() -> String {
    "What makes a good thread:\n\n\
     1. **One topic.** A new question gets a new thread.\n\
     2. **Names.** Several people may join; each is told apart:\n   - who asks\n   - who only listens\n\
     3. *An end.* After an hour of silence it is forgotten, unless configured otherwise."
        .to_owned()
}

fn table() -> String {
    "| thread | people | what I know |\n|---|---|---|\n\
     | this one | all who wrote here | every message I was sent |\n\
     | any other | – | nothing |"
        .to_owned()
}

fn code() -> String {
    "A thread's key, as Rust would write it:\n\n\
     ```rust\n/// Two channels can hold the same timestamp.\n\
     struct ThreadKey {\n    workspace: WorkspaceId,\n    channel: ChannelId,\n    root: SlackTs,\n}\n```\n\n\
     The `root` is the timestamp of the thread's first message."
        .to_owned()
}

/// At least `words_min` words in chapters, with a list or a code block in each, so that seams between parts show.
fn long(words_min: usize) -> String {
    const SENTENCES: &[&str] = &[
        "A long answer leaves in parts, because one message holds only so much.",
        "Each part ends where a paragraph ends, if it can.",
        "A code block that is open at a seam is closed there and opened again in the next part.",
        "Nothing is lost between two parts, and nothing is said twice.",
        "If the service asks for patience, the words wait, and then go on in the same order.",
        "You can count the paragraphs: they are numbered for that.",
        "I am still the demo's stand-in, so none of this is very deep.",
    ];
    let mut text = String::from("Here is a long answer.");
    let mut words = 5;
    for number in 1.. {
        if words >= words_min {
            break;
        }
        if number % PARAGRAPHS_PER_CHAPTER == 1 {
            let chapter = number / PARAGRAPHS_PER_CHAPTER + 1;
            let opening = format!("\n\n## Chapter {chapter}\n\n{}", ornament(chapter));
            words += opening.split_whitespace().count();
            text += &opening;
        }
        let sentences = (0..4).map(|at| SENTENCES[(number * 3 + at) % SENTENCES.len()]).collect::<Vec<_>>().join(" ");
        let paragraph = format!("**{number}.** {sentences}");
        words += paragraph.split_whitespace().count();
        text = text + "\n\n" + &paragraph;
    }
    text
}

fn ornament(chapter: usize) -> String {
    match chapter % 2 {
        1 => format!("- chapter {chapter} begins with a list\n- of two lines"),
        _ => format!("```python\nfor part in answer.parts:  # chapter {chapter}\n    thread.post(part)\n```"),
    }
}
