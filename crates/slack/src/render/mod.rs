//! Model output, made harmless and cut into parts that Slack takes, while it streams.
//!
//! Three small machines in a row, each of which holds back only what it cannot yet decide:
//! `scrub` takes out characters that nobody should be sent, `tame` breaks what would ping or pose as Slack's own markup,
//! `cut` ends a part at a good place and closes and reopens the code fence there (a table gets its head again). What comes out does not depend on how the
//! text was split into deltas, and the added seams can be taken out again: [`Rendered::without_seams`].
//!
//! What is made harmless, and why: Slack never has to be trusted to ignore it. It is unconfirmed whether `<!here>` is live
//! inside Markdown or code, so a zero-width space goes behind the first character everywhere; a person sees the same text.

mod cut;
mod fill;
mod lines;
mod scrub;
mod table;
mod tame;
#[cfg(test)]
mod tests;
mod unit;

pub(crate) use scrub::is_unsafe;

use cut::Cutter;
use scrub::Scrub;
use tame::Tame;

/// How much one part may hold, everything we add included. Slack: a streamed message as a whole fails near 12,000
/// characters, 10.6 thousand bytes were measured, so the defaults stay below both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartLimits {
    /// Unicode characters, default 9,000. Less than [`PartLimits::CHARS_LEAST`] counts as that.
    pub chars_max: usize,
    /// Bytes of UTF-8, default 10,000. Less than [`PartLimits::BYTES_LEAST`] counts as that.
    pub bytes_max: usize,
}

impl PartLimits {
    /// The smallest part: a reopened fence, its end and some text between them must fit.
    pub const CHARS_LEAST: usize = 256;
    /// As [`PartLimits::CHARS_LEAST`], in bytes.
    pub const BYTES_LEAST: usize = 640;
}

impl Default for PartLimits {
    fn default() -> Self {
        Self { chars_max: 9_000, bytes_max: 10_000 }
    }
}

/// What to show next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Out {
    /// Goes to the end of the running part. Never empty.
    Text(String),
    /// The running part is complete; what follows belongs to the next one. Never the first or last of an answer.
    NewPart,
}

/// The text that we added to a part, in bytes: `head` at its beginning and `tail` at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seam {
    /// A reopened fence, or a table's head said again.
    pub head: usize,
    /// A closed fence.
    pub tail: usize,
}

/// Renders one answer as it streams. Holds no text but a few undecided characters and one fence line.
#[derive(Clone, Debug)]
pub struct Renderer {
    scrub: Scrub,
    tame: Tame,
    cut: Cutter,
}

impl Renderer {
    /// A renderer for one answer.
    pub fn new(limits: PartLimits) -> Self {
        Self { scrub: Scrub::default(), tame: Tame::default(), cut: Cutter::new(limits) }
    }

    /// Takes the next piece of the answer, split anywhere, and gives all that is safe to show.
    pub fn push(&mut self, delta: &str) -> Vec<Out> {
        let Self { scrub, tame, cut } = self;
        for c in delta.chars() {
            scrub.push(c, |c| tame.push(c, |atom| cut.push(atom)));
        }
        cut.take()
    }

    /// Asks for the running part to end at the next good place: the next line end, or when none comes within a few words, the
    /// next space. The new part begins with the text that follows; without such text there is none.
    pub fn roll(&mut self) {
        self.cut.roll();
    }

    /// The end of the answer: gives what was held back, and closes a fence that the model left open. Push no more after it.
    pub fn finish(&mut self) -> Vec<Out> {
        let Self { tame, cut, .. } = self;
        tame.finish(|atom| cut.push(atom));
        cut.finish();
        cut.take()
    }

    /// What was added to each part so far, the running one last. Empty before the first text.
    pub fn seams(&self) -> &[Seam] {
        self.cut.seams()
    }
}

/// A whole answer as a thread shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// One text for each Slack message, in order. None for an empty answer.
    pub parts: Vec<String>,
    seams: Vec<Seam>,
}

impl Rendered {
    /// Puts together what a [`Renderer`] gave from beginning to end and the [`Renderer::seams`] it had then.
    pub fn collect(outs: impl IntoIterator<Item = Out>, seams: &[Seam]) -> Self {
        let mut parts: Vec<String> = Vec::new();
        for out in outs {
            match out {
                Out::NewPart => parts.push(String::new()),
                Out::Text(text) => match parts.last_mut() {
                    Some(part) => part.push_str(&text),
                    None => parts.push(text),
                },
            }
        }
        Self { parts, seams: seams.to_vec() }
    }

    /// The harmless text again, as if it had never been cut: what [`harmless`] gives.
    pub fn without_seams(&self) -> String {
        let body = |(part, seam): (&String, &Seam)| part[seam.head..part.len() - seam.tail].to_owned();
        self.parts.iter().zip(&self.seams).map(body).collect()
    }
}

/// Renders a whole answer at once: the parts that [`Renderer`] gives when nobody asks it to [`roll`](Renderer::roll).
pub fn render(text: &str, limits: &PartLimits) -> Rendered {
    let mut renderer = Renderer::new(*limits);
    let mut outs = renderer.push(text);
    outs.extend(renderer.finish());
    Rendered::collect(outs, renderer.seams())
}

/// The text with all that could ping, hide or reorder made inert, and not cut. Doing it twice changes nothing more.
pub fn harmless(text: &str) -> String {
    let (mut scrub, mut tame) = (Scrub::default(), Tame::default());
    let mut safe = String::with_capacity(text.len() + text.len() / 32);
    for c in text.chars() {
        scrub.push(c, |c| tame.push(c, |atom| safe.push_str(atom.text)));
    }
    tame.finish(|atom| safe.push_str(atom.text));
    safe
}
