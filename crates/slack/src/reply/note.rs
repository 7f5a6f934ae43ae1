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
