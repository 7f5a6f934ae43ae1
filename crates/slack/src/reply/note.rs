//! Our own sentence behind an answer that ended early.

use crate::render::{Out, PartLimits, Renderer};

/// The answer as it is rendered when `note` follows it: behind a blank line, and outside of a code fence that the model left
/// open. What [`super::Reply::finish`] shows and what [`super::Replies::mend`] is to show must both be made by it.
pub fn with_note(text: &str, note: Option<&str>) -> String {
    let Some(note) = note else { return text.to_owned() };
    let mut renderer = Renderer::new(PartLimits::default());
    renderer.push(text);
    format!("{text}{}", behind(&renderer, text.trim().is_empty(), note))
}

/// What Slack `shows` of a part without the notes that stand at its beginning or end. Compares letters and digits alone: of how we
/// set a note off, Slack keeps what it likes.
pub fn without_notes<'a>(shown: &'a str, notes: impl IntoIterator<Item = &'a str>) -> &'a str {
    let around = |c: char| c.is_whitespace() || "_*".contains(c);
    notes.into_iter().fold(shown, |shown, note| {
        let letters = || note.chars().filter(|c| c.is_alphanumeric());
        let seen = || shown.char_indices().filter(|(_, c)| c.is_alphanumeric());
        let count = letters().count();
        if count == 0 {
            shown
        } else if seen().rev().map(|(_, c)| c).take(count).eq(letters().rev()) {
            let from = seen().rev().nth(count - 1).map_or(0, |(at, _)| at);
            // Marks that stand before white space are the answer's own.
            shown.get(..from).unwrap_or_default().trim_end_matches(['_', '*']).trim_end()
        } else if seen().map(|(_, c)| c).take(count).eq(letters()) {
            let to = seen().nth(count - 1).map_or(0, |(at, c)| at + c.len_utf8());
            let rest = shown.get(to..).unwrap_or_default();
            let line = rest.split_once('\n').filter(|(end, _)| !end.contains(char::is_alphanumeric));
            line.map_or_else(|| rest.trim_start_matches(around), |(_, below)| below.trim_start_matches('\n'))
        } else {
            shown
        }
    })
}

/// What to push behind what `renderer` has got so far, so that `note` stands apart from it.
pub(super) fn behind(renderer: &Renderer, nothing_said: bool, note: &str) -> String {
    if nothing_said {
        return note.to_owned();
    }
    // Ending a copy shows what would have to be added to close the open fence.
    let mut ended = renderer.clone();
    let rest: String =
        ended.finish().into_iter().map(|out| if let Out::Text(text) = out { text } else { String::new() }).collect();
    let tail = ended.seams().last().map_or(0, |seam| seam.tail);
    let close = rest.len().checked_sub(tail).and_then(|at| rest.get(at..)).unwrap_or_default();
    format!("{close}\n\n{note}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(shown: &str, notes: &[&'static str], left: &str) {
        assert_eq!(without_notes(shown, notes.iter().copied()), left, "{shown:?}");
    }

    #[test]
    fn notes_are_taken_off_both_ends_however_slack_sets_them_off_and_nothing_else_is() {
        let note = "_It stops here: the model, say, broke. Go on?_";
        check("One.\n\n_It stops here: the model, say, broke. Go on?_", &[note], "One.");
        check("One. It stops here: the model, say, broke. Go on?", &[note], "One.");
        check("One.\n\n*It stops here: the model, say, broke. Go on?*\n", &[note], "One.");
        check("_It stops here: the model, say, broke. Go on?_", &[note], "");
        check("So it is **bold**\n\n_It stops here: the model, say, broke. Go on?_", &[note], "So it is **bold**");
        check("So it is _bold_\n\nIt stops here: the model, say, broke. Go on?", &[note], "So it is _bold_");
        check("It stops here", &[note], "It stops here");
        check(
            "A. It stops here: the model, say, broke. Go on? B.",
            &[note],
            "A. It stops here: the model, say, broke. Go on? B.",
        );
        check("_Again, perhaps._\n\n-  é\n\nIt stops.", &["_Again, perhaps._", "It stops."], "-  é");
        check("One.", &[], "One.");
        check("", &[note], "");
    }

    proptest::proptest! {
        #[test]
        fn an_answer_comes_back_without_its_note(text in "\\PC*[a-z]", note in "[a-z]{1,8}( [a-z]{1,8}){2,4}") {
            let whole = format!("{text}\n\n_{note}_");
            proptest::prop_assert_eq!(without_notes(&whole, [&*note]), &*text);
        }
    }
}
