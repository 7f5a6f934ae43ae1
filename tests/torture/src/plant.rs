//! Faults planted into what the threads show, before it is judged: a judge that does not find them proves nothing.

use chathakase_sim::slack::Post;
use clap::ValueEnum;

use crate::speech::answered;

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
}

/// Plants it; says whether there was a place for it.
pub(crate) fn plant(plant: Plant, threads: &mut [Vec<Post>], statuses: &mut Vec<String>) -> bool {
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
        Plant::Stuck => {
            statuses.push("a thread still says \"is thinking…\"".to_owned());
            true
        }
    }
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
