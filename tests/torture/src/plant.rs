//! Faults planted into what the threads show, before it is judged: a judge that does not find them proves nothing.

use chathakase_sim::slack::Post;
use clap::ValueEnum;

use crate::{
    judge::{Since, Spoken},
    speech::{answer, answered},
};

/// What is planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Plant {
    /// An answer is taken away.
    Drop,
    /// An answer stands twice.
    Double,
    /// Two answers of two threads are exchanged.
    Swap,
    /// An answer lacks its end.
    Truncate,
    /// The parts of an answer stand apart, another answer between them.
    Interleave,
    /// A status line never ends.
    Stuck,
    /// A question that was deleted while it waited is answered.
    Unwanted,
    /// An answer that a person stopped goes on.
    GoesOn,
}

/// Plants it; says whether there was a place for it.
pub(crate) fn plant(plant: Plant, said: &[&[Spoken]], threads: &mut [Vec<Post>], statuses: &mut Vec<String>) -> bool {
    match plant {
        Plant::Drop => at_answer(threads, 1, |posts, at| drop(posts.remove(at))),
        Plant::Double => at_answer(threads, 1, |posts, at| posts.insert(at, posts[at].clone())),
        Plant::Truncate => at_answer(threads, 1, |posts, at| {
            let text = &mut posts[at].text;
            text.truncate(text.trim_end().rfind(' ').unwrap_or(0));
        }),
        Plant::Interleave => at_answer(threads, 2, |posts, at| {
            let other = posts.iter().position(|post| post.ours && is_short(post));
            if let Some(other) = other {
                let moved = posts.remove(other);
                posts.insert(if other < at { at } else { at + 1 }, moved);
            }
        }),
        Plant::Swap => {
            let mut places =
                threads.iter().enumerate().filter_map(|(n, posts)| Some((n, posts.iter().position(is_short)?)));
            let (Some((one, at)), Some((other, there))) = (places.next(), places.next()) else { return false };
            let text = std::mem::take(&mut threads[one][at].text);
            threads[one][at].text = std::mem::replace(&mut threads[other][there].text, text);
            true
        }
        Plant::Unwanted => at_spoken(said, threads, |spoken, posts| {
            let waited = spoken.since == (Since::Deleted { waited: true });
            let last = posts.iter().rfind(|post| waited && post.ours).cloned();
            let wrong = last.map(|post| Post { text: answer(&[spoken.mark]), ..post });
            wrong.map(|wrong| posts.push(wrong)).is_some()
        }),
        Plant::GoesOn => at_spoken(said, threads, |spoken, posts| {
            let Since::Stopped { at: Some(at) } = spoken.since else { return false };
            let stopped = posts.iter_mut().filter(|post| post.ours && post.text.len() == at);
            let goes_on = stopped.filter_map(|post| Some((answer(&answered(&post.text)?), post)));
            goes_on.into_iter().find(|(whole, _)| whole.len() > at).map(|(whole, post)| post.text = whole).is_some()
        }),
        Plant::Stuck => {
            statuses.push("a thread still says \"is thinking…\"".to_owned());
            true
        }
    }
}

/// Does it at the first message where `change` says that it is done.
fn at_spoken(said: &[&[Spoken]], threads: &mut [Vec<Post>], change: impl Fn(&Spoken, &mut Vec<Post>) -> bool) -> bool {
    let mut places = said.iter().zip(threads);
    places.any(|(said, posts)| said.iter().any(|spoken| change(spoken, posts)))
}

/// An answer to one message, in one part.
fn is_short(post: &Post) -> bool {
    post.ours
        && answered(&post.text).is_some_and(|marks| marks.len() == 1 && !marks[0].mood.fails())
        && post.text.len() < 5_000
}

/// Does it to the first answer of `parts` parts or more.
fn at_answer(threads: &mut [Vec<Post>], parts: usize, change: impl FnOnce(&mut Vec<Post>, usize)) -> bool {
    for posts in threads {
        let ours: Vec<usize> = (0..posts.len()).filter(|at| posts[*at].ours).collect();
        let begins =
            |at: usize| answered(&posts[at].text).is_some_and(|marks| !marks.iter().any(|mark| mark.mood.fails()));
        let continues = |at: usize| answered(&posts[at].text).is_none() && !posts[at].text.starts_with("Sorry");
        let long = |run: &&[usize]| begins(run[0]) && run[1..].iter().all(|at| continues(*at));
        let enough = parts == 1 || posts.iter().any(is_short);
        if let Some(run) = ours.windows(parts).find(|run| enough && long(run)) {
            change(posts, run[0]);
            return true;
        }
    }
    false
}
