//! The side bar: who you are, and the places.

use maud::html;

use super::{Piece, Region, Scene};
use crate::page::view::DIRECT;

pub(crate) fn places(scene: &Scene<'_>) -> Region {
    let mut pieces = Vec::new();
    for place in &scene.places {
        let here = place.id == scene.here;
        if here && let Some(newest) = place.others.last() {
            scene.shared.saw(&scene.view.who, &place.id, *newest);
        }
        let unseen = scene.shared.unseen(&scene.view.who, &place.id, &place.others);
        let name = if place.is_direct { DIRECT } else { &place.name };
        let id = format!("place-{}", place.id);
        let html = html! {
            li id=(id) {
                a.place.unseen-posts[unseen > 0] href=(scene.view.at(name).href()) aria-current=[here.then_some("page")] {
                    @if place.is_direct {
                        (super::avatar::draw(&place.name, true))
                        span.name { (place.name) }
                        span.kind { "direct" }
                    } @else {
                        span.sign aria-hidden="true" { "#" }
                        span.name { (place.name) }
                    }
                    @if unseen > 0 { span.badge { (unseen) span.unseen { " new" } } }
                }
            }
        };
        pieces.push(Piece { id, html });
    }
    Region { id: "places", pieces }
}
