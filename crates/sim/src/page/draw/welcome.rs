//! The first page: who are you?

use maud::{DOCTYPE, Markup, html};

use super::{avatar, shell::head};
use crate::{
    page::{Shared, view::View},
    slack::Face,
};

pub(crate) fn welcome(shared: &Shared, theme: Option<&str>) -> Markup {
    let faces = shared.slack.faces();
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[theme] {
            (head("ChatHakase demo", true))
            body.front {
                main.welcome {
                    (avatar::draw("assistant", true))
                    h1 { "ChatHakase" }
                    p.lead { "A Slack assistant that remembers every thread. This is a small Slack on your machine, with the real assistant in it." }
                    h2 { "Who are you?" }
                    ul.people {
                        @for face in faces.iter().filter(|face| !face.is_app) { li { (person(face)) } }
                    }
                    form.join method="post" action="/do/join" {
                        label for="name" { "or somebody else" }
                        input id="name" name="who" maxlength="20" autocomplete="off" placeholder="your name" required;
                        button.button type="submit" { "Come in" }
                    }
                    p.hint { "Open a second window as another person: each sees what the other writes. The model is " (shared.model) "." }
                }
            }
        }
    }
}

fn person(face: &Face) -> Markup {
    let view = View { who: face.name.clone(), ..View::default() };
    html! {
        a.person href=(view.at("general").href()) {
            (avatar::draw(&face.name, false))
            b { (face.name) }
            @if face.is_admin { span { "admin" } } @else { span { "member" } }
        }
    }
}

/// For who may not come in, looks for what is not there, or asks for what cannot be done.
pub(crate) fn refusal(why: &str, is_in: bool, theme: Option<&str>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[theme] {
            (head("ChatHakase demo", false))
            body.front {
                main.welcome {
                    (avatar::draw("assistant", true))
                    h1 { "ChatHakase" }
                    p.lead { (why) }
                    @if is_in { a.button href="/" { "To the first page" } }
                }
            }
        }
    }
}
