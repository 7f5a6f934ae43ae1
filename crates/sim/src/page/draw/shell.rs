//! The frame that everything stands in.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Region, Scene, avatar, backstage, composer};

/// The whole page of a window.
pub(crate) fn page(scene: &Scene<'_>, theme: Option<&str>) -> Markup {
    let regions = scene.regions();
    let view = scene.view;
    let pane = match (view.backstage, view.root.is_some(), view.place.is_some()) {
        (true, ..) => "pane-backstage",
        (_, true, _) => "pane-thread",
        (_, _, true) => "pane-channel",
        _ => "pane-side",
    };
    let place = scene.place();
    let title = if place.is_direct { place.name.clone() } else { format!("#{}", place.name) };
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[theme] {
            (head(&format!("{title} · {} · ChatHakase demo", view.who), true))
            body.app-body.has-thread[view.root.is_some()].has-backstage[view.backstage].(pane)
                data-live={ "/live" (view.href()) } data-who=(view.who) {
                a.skip href=(if view.root.is_some() { "#write-thread" } else { "#write" }) { "Skip to writing" }
                div.frame {
                    (side(scene, &regions))
                    (channel(scene, &regions))
                    @if view.root.is_some() { (thread(scene, &regions)) }
                    @if view.backstage { (backstage::pane(scene, &regions)) }
                }
                p.unseen id="keys" { "Enter sends, Shift and Enter begins a new line." }
                div.unseen id="announcer" role="status" aria-live="polite" {}
                p.trouble id="trouble" role="alert" hidden {}
            }
        }
    }
}

pub(crate) fn head(title: &str, has_script: bool) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content";
            meta name="color-scheme" content="light dark";
            title { (title) }
            link rel="icon" href="/icon.svg" type="image/svg+xml";
            link rel="stylesheet" href="/page.css";
            @if has_script { script src="/page.js" defer {} }
        }
    }
}

/// The pieces of a region, as they stand now.
pub(crate) fn pieces(regions: &[Region], id: &str) -> Markup {
    html! {
        @for piece in regions.iter().filter(|region| region.id == id).flat_map(|region| &region.pieces) { (piece.html) }
    }
}

fn side(scene: &Scene<'_>, regions: &[Region]) -> Markup {
    html! {
        nav.side aria-label="Places" {
            header { (avatar::draw("assistant", true)) div { b { "ChatHakase" } span { "demo" } } }
            h2 { "Channels and messages" }
            ul id="places" { (pieces(regions, "places")) }
            span.grow {}
            footer {
                a.me href="/" title="Be somebody else" { (avatar::draw(&scene.view.who, false)) span { b { (scene.view.who) } small { "change" } } }
                button.theme type="button" data-theme-switch="" {
                    svg viewBox="0 0 24 24" aria-hidden="true" focusable="false" { circle cx="12" cy="12" r="8.2" {} path d="M12 3.8a8.2 8.2 0 0 1 0 16.4Z" {} }
                    span.unseen { "Light or dark" }
                }
            }
        }
    }
}

fn channel(scene: &Scene<'_>, regions: &[Region]) -> Markup {
    let place = scene.place();
    let view = scene.settled();
    html! {
        main.channel {
            header.pane-head {
                a.back href=(view.list().href()) { (arrow()) span.unseen { "Back to the places" } }
                @if place.is_direct { (avatar::draw(&place.name, true)) h1 { (place.name) } }
                @else { h1 { span.sign { "#" } (place.name) } }
                span.grow {}
                a.switch href=(view.with_backstage(!view.backstage).href()) aria-pressed=[view.backstage.then_some("true")] {
                    "Backstage"
                }
            }
            ol.posts id="channel" aria-label="Messages" tabindex="-1" { (pieces(regions, "channel")) }
            (below())
            div.write { (composer::ideas(scene, false)) (composer::composer(scene, false)) }
        }
    }
}

fn thread(scene: &Scene<'_>, regions: &[Region]) -> Markup {
    let view = scene.settled();
    let place = scene.place();
    html! {
        section.thread aria-label="Thread" {
            header.pane-head {
                a.back href=(view.without_thread().href()) { (arrow()) span.unseen { "Back" } }
                h2 { "Thread" small { @if place.is_direct { (place.name) } @else { "#" (place.name) } } }
                span.grow {}
                a.switch.narrow-only href=(view.with_backstage(true).href()) { "Backstage" }
                a.close data-escape="" href=(view.without_thread().href()) { span aria-hidden="true" { "×" } span.unseen { "Close the thread" } }
            }
            ol.posts id="thread" aria-label="Thread" tabindex="-1" { (pieces(regions, "thread")) }
            (below())
            div id="doing" { (pieces(regions, "doing")) }
            div.write { (composer::ideas(scene, true)) (composer::composer(scene, true)) }
        }
    }
}

/// What others wrote below while the list was scrolled up. Its script shows it and counts.
fn below() -> Markup {
    html! {
        div.below {
            button.news type="button" hidden {
                b { "0" } " new"
                svg viewBox="0 0 24 24" aria-hidden="true" focusable="false" { path d="M12 5v13M6 12.5l6 6 6-6" {} }
            }
        }
    }
}

pub(crate) fn arrow() -> Markup {
    PreEscaped(
        r#"<svg viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d="M15 5l-7 7 7 7"/></svg>"#.to_owned(),
    )
}
