//! A thread: its posts, and what the assistant is doing there.

use maud::html;

use super::{Piece, Region, Scene, composer, post};

pub(crate) fn regions(scene: &Scene<'_>) -> Vec<Region> {
    let Some(root) = scene.view.root else { return Vec::new() };
    let view = scene.settled();
    let posts = scene.eyes.thread(&scene.here, root);
    let pieces = match &posts {
        Some(posts) => posts.iter().map(|sight| post::one(scene, &view, "t", sight)).collect(),
        None => {
            let html = html! { li.empty id="thread-empty" { p { "There is no such thread, or it is gone." } } };
            vec![Piece { id: "thread-empty".to_owned(), html }]
        }
    };
    vec![Region { id: "thread", pieces }, Region { id: "doing", pieces: vec![doing(scene, root)] }]
}

/// The line above the composer: "is thinking…", and Stop while there is something to stop.
fn doing(scene: &Scene<'_>, root: chathakase_session::SlackTs) -> Piece {
    let activity = scene.eyes.activity(&scene.here, root);
    let says = match &activity.status {
        Some(status) => Some(post::doing(scene, status)),
        None => activity.streaming.then(|| post::doing(scene, "is writing…")),
    };
    let html = html! {
        div.doing-line id="doing-line" {
            @if let Some(says) = &says {
                span.dots aria-hidden="true" { i {} i {} i {} }
                span.says { (says) }
                (composer::stop(scene))
            }
        }
    };
    Piece { id: "doing-line".to_owned(), html }
}
