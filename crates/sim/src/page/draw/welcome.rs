//! The first page: who are you?

use maud::{DOCTYPE, Markup, html};

use super::{avatar, shell::head};
use crate::{
    page::{Shared, view::View},
    slack::Face,
};

/// `wrong` is a name that was typed, and why it is none.
pub(crate) fn welcome(shared: &Shared, wrong: Option<(&str, &str)>, theme: Option<&str>) -> Markup {
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
                        input id="name" name="who" autocomplete="off" placeholder="your name" required value=[wrong.map(|(typed, _)| typed)]
                            autofocus[wrong.is_some()] aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| "wrong")];
                        button.button type="submit" { "Come in" }
                        @if let Some((_, why)) = wrong { p.wrong id="wrong" role="alert" { (why) } }
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

/// For who may not come in, looks for what is not there, or asks for what cannot be done. What is typed somewhere stands between
/// backticks in `why`.
pub(crate) fn refusal(why: &str, is_in: bool, theme: Option<&str>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[theme] {
            (head("ChatHakase demo", false))
            body.front {
                main.welcome {
                    (avatar::draw("assistant", true))
                    h1 { "ChatHakase" }
                    p.lead {
                        @for (n, part) in why.split('`').enumerate() { @if n % 2 == 0 { (part) } @else { code { (part) } } }
                    }
                    @if is_in { a.button href="/" { "To the first page" } }
                }
            }
        }
    }
}
