//! Posts: one by one, and those at the top of a channel.

use maud::{Markup, PreEscaped, html};

use super::{Piece, Region, Scene, avatar, blocks, composer, markdown, mrkdwn};
use crate::{
    page::view::View,
    slack::{Replies, Sight},
};

/// Faces beside a thread's summary.
const FACES_MAX: usize = 4;

/// The posts at the top of the channel.
pub(crate) fn channel(scene: &Scene<'_>) -> Region {
    let posts = scene.eyes.channel(&scene.here).unwrap_or_default();
    let view = scene.settled();
    let mut pieces: Vec<Piece> = posts.iter().map(|post| one(scene, &view, "c", post)).collect();
    if pieces.is_empty() {
        pieces.push(Piece { id: "channel-empty".to_owned(), html: empty(scene) });
    }
    Region { id: "channel", pieces }
}

/// One post. `list` tells the channel's from the thread's: the first post of a thread is in both.
pub(crate) fn one(scene: &Scene<'_>, view: &View, list: &str, post: &Sight) -> Piece {
    let id = format!("{list}-{}", post.ts);
    let mine = post.who == scene.view.who && !post.deleted;
    let time = (scene.shared.local_time)(post.ts.moment());
    let in_channel = list == "c";
    // The first post of an open thread is changed there, not in the channel beside it.
    let handled_here = mine && !(in_channel && view.root == Some(post.ts));
    let edits = handled_here && view.edit == Some(post.ts);
    let deletes = handled_here && view.delete == Some(post.ts);
    let html = html! {
        li.post.mine[mine].ours[post.ours].only-here[post.only_here].deleted[post.deleted].opened[in_channel && view.root == Some(post.ts)]
            id=(id) tabindex="-1" data-who=(post.who) data-streaming=[post.streaming.then_some("")] data-mine=[mine.then_some("")] {
            @if !post.deleted { (avatar::draw(&post.who, post.ours)) }
            div.body {
                @if post.only_here { p.whisper { "Only visible to you" } }
                @if !post.deleted {
                    p.byline {
                        b { (post.who) }
                        @if post.ours { span.app-mark { "APP" } }
                        time { (time) }
                    }
                }
                @if edits {
                    (composer::editor(scene, view, post))
                } @else {
                    (text(scene, post))
                }
                @if deletes { (composer::farewell(scene, view, post)) }
                @if in_channel && post.replies.count + usize::from(post.replies.status.is_some()) > 0 {
                    (summary(scene, view, post))
                }
            }
            @if !post.only_here && !edits && !deletes { (tools(view, list, post, mine)) }
        }
    };
    Piece { id, html }
}

fn text(scene: &Scene<'_>, post: &Sight) -> Markup {
    let drawn = match &post.blocks {
        Some(blocks) => blocks::draw(blocks, &scene.names),
        None if post.markdown => PreEscaped(markdown::draw(&post.text, &scene.names)),
        None => PreEscaped(mrkdwn::draw(&post.text, &scene.names)),
    };
    html! {
        div.text {
            (drawn)
            @for file in &post.files { p.file { "📎 " (file) } }
            @if post.edited { span.mark { "(edited)" } }
            @if post.broken { p.mark { "Slack ended this stream." } }
        }
    }
}

fn summary(scene: &Scene<'_>, view: &View, post: &Sight) -> Markup {
    let Replies { count, who, last, status, streaming } = &post.replies;
    html! {
        a.summary href=(view.thread(post.ts).href()) {
            span.faces { @for name in who.iter().take(FACES_MAX) { (avatar::draw(name, is_app(scene, name))) } }
            @if *count > 0 { span.count { (count) @if *count == 1 { " reply" } @else { " replies" } } }
            @if let Some(status) = status { span.doing { (doing(scene, status)) } }
            @else if *streaming { span.doing { "writing…" } }
            @else if let Some(last) = last { span.when { "last at " ((scene.shared.local_time)(last.moment())) } }
        }
    }
}

/// "is thinking…" with who does it.
pub(crate) fn doing(scene: &Scene<'_>, status: &str) -> String {
    let who = scene.shared.slack.faces().into_iter().find(|face| face.is_app).map(|face| face.name);
    format!("{} {status}", who.as_deref().unwrap_or("assistant"))
}

pub(crate) fn is_app(scene: &Scene<'_>, name: &str) -> bool {
    scene.shared.slack.faces().iter().any(|face| face.is_app && face.name == name)
}

/// What can be done with a post.
fn tools(view: &View, list: &str, post: &Sight, mine: bool) -> Markup {
    let reply = list == "c" && !post.deleted;
    html! {
        @if reply || mine {
            div.tools {
                @if reply { a href=(view.thread(post.ts).href()) { "Reply" span.unseen { " in thread" } } }
                @if mine {
                    a data-edit="" href=(view.editing(post.ts).href()) { "Edit" }
                    a href=(view.deleting(post.ts).href()) { "Delete" }
                }
            }
        }
    }
}

fn empty(scene: &Scene<'_>) -> Markup {
    html! {
        li.empty id="channel-empty" {
            @if scene.place().is_direct {
                p { strong { "A talk of your own with the assistant." } }
                p { "Every message here begins a thread, and every thread is a conversation that knows nothing of the others." }
            } @else {
                p { strong { "Nothing was said in #" (scene.place().name) " yet." } }
                p { "Mention the assistant, and it answers in a thread below your message." }
            }
        }
    }
}
