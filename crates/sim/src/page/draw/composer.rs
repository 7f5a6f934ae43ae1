//! Where one writes: new posts, changes to own ones, and the few things that are pressed.

use maud::{Markup, html};

use super::{Scene, mrkdwn};
use crate::{page::view::View, slack::Sight};

/// Ideas that are shown at once.
const IDEAS_MAX: usize = 4;
/// Stands in an idea for the name of who is offered it.
const YOU: &str = "{you}";

/// Writes to the channel, or into the thread.
pub(crate) fn composer(scene: &Scene<'_>, in_thread: bool) -> Markup {
    let view = scene.settled();
    let place = scene.place();
    let view = if in_thread { view } else { view.without_thread() };
    let (label, id) = match (in_thread, place.is_direct) {
        (true, _) => ("Reply…".to_owned(), "write-thread"),
        (false, true) => (format!("Message {}", place.name), "write"),
        (false, false) => (format!("Message #{}", place.name), "write"),
    };
    // Slack would not say so; here a newcomer wonders why nobody answers.
    let hint = if in_thread || place.is_direct { label.clone() } else { format!("{label}: mention @assistant to ask") };
    html! {
        form.composer method="post" action="/do/say" data-draft=(view.href()) {
            (where_to(&view))
            label.unseen for=(id) { (label) }
            textarea id=(id) name="text" rows="1" placeholder=(hint) autocomplete="off"
                aria-keyshortcuts="Enter" aria-describedby="keys" required {}
            div.row {
                @if !place.is_direct {
                    button.mention-button type="button" data-insert="@assistant " data-into=(id) title="Mention the assistant" {
                        "@assistant"
                    }
                }
                span.grow {}
                button.send type="submit" {
                    svg viewBox="0 0 24 24" aria-hidden="true" focusable="false" { path d="M4 20 21 12 4 4l1.6 6.4L14 12l-8.4 1.6Z" {} }
                    span.unseen { "Send" }
                }
            }
        }
    }
}

/// What to try, one press each. The first one begins a talk, so a thread is offered the others.
pub(crate) fn ideas(scene: &Scene<'_>, in_thread: bool) -> Markup {
    let view = scene.settled();
    let mention = if in_thread || scene.place().is_direct { "" } else { "@assistant " };
    let view = if in_thread { view } else { view.without_thread() };
    let name = capitalised(&view.who);
    html! {
        form.ideas method="post" action="/do/say" aria-label="Ideas" {
            (where_to(&view))
            @for idea in scene.shared.ideas.iter().skip(usize::from(in_thread)).take(IDEAS_MAX) {
                @let idea = idea.replace(YOU, &name);
                button type="submit" name="text" value={ (mention) (idea) } { (idea) }
            }
        }
    }
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// Changes an own post.
pub(crate) fn editor(scene: &Scene<'_>, view: &View, post: &Sight) -> Markup {
    html! {
        form.composer.editor method="post" action="/do/edit" {
            (where_to(view))
            input type="hidden" name="ts" value=(post.ts);
            label.unseen for="write-edit" { "Change your message" }
            textarea id="write-edit" name="text" rows="2" autocomplete="off" autofocus required {
                (mrkdwn::as_typed(&post.text, &scene.names))
            }
            div.row {
                a.button.quiet data-escape="" href=(view.calm().href()) { "Cancel" }
                span.grow {}
                button.button type="submit" { "Save" }
            }
        }
    }
}

/// Asks before an own post is deleted.
pub(crate) fn farewell(_scene: &Scene<'_>, view: &View, post: &Sight) -> Markup {
    html! {
        form.farewell method="post" action="/do/delete" {
            (where_to(view))
            input type="hidden" name="ts" value=(post.ts);
            p { "Delete this message? The assistant will not know it any more." }
            div.row {
                button.button.danger type="submit" autofocus { "Delete" }
                a.button.quiet data-escape="" href=(view.calm().href()) { "Keep" }
            }
        }
    }
}

/// Ends the answer that grows.
pub(crate) fn stop(scene: &Scene<'_>) -> Markup {
    html! {
        form method="post" action="/do/stop" {
            (where_to(&scene.settled()))
            button.stop type="submit" { "Stop" span.unseen { " the answer" } }
        }
    }
}

/// Tells a deed who does it and where.
pub(crate) fn where_to(view: &View) -> Markup {
    html! {
        input type="hidden" name="who" value=(view.who);
        @if let Some(place) = &view.place { input type="hidden" name="place" value=(place); }
        @if let Some(root) = view.root { input type="hidden" name="root" value=(root); }
        @if view.backstage { input type="hidden" name="backstage" value="1"; }
    }
}
