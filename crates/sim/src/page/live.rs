//! Keeps a window up to date: what changed since it was last told, as pieces to put in place.

use std::{collections::HashMap, convert::Infallible, sync::Arc, time::Duration};

use axum::response::sse::Event;
use futures_util::{Stream, stream};
use serde::Serialize;

use super::{
    Shared,
    draw::{Region, Scene},
    view::View,
};
use crate::slack::Changes;

/// How soon a browser tries again when the page is gone.
const RETRY: Duration = Duration::from_millis(800);

/// What is new in one region.
#[derive(Debug, Serialize)]
pub(crate) struct Patch {
    region: &'static str,
    /// The ids of all its pieces, in order.
    order: Vec<String>,
    /// Those that are new or look different.
    set: Vec<(String, String)>,
}

/// What a window was told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pieces: HashMap<(&'static str, String), String>,
    orders: HashMap<&'static str, Vec<String>>,
}

impl Told {
    /// What is to be told now; it counts as told.
    pub(crate) fn news(&mut self, regions: Vec<Region>) -> Vec<Patch> {
        regions.into_iter().filter_map(|region| self.region(region)).collect()
    }

    fn region(&mut self, region: Region) -> Option<Patch> {
        let order: Vec<String> = region.pieces.iter().map(|piece| piece.id.clone()).collect();
        let mut set = Vec::new();
        for piece in region.pieces {
            let html = piece.html.into_string();
            let known = self.pieces.entry((region.id, piece.id.clone())).or_default();
            if *known != html {
                known.clone_from(&html);
                set.push((piece.id, html));
            }
        }
        let moved = self.orders.get(region.id) != Some(&order);
        if moved {
            self.pieces.retain(|(id, piece), _| *id != region.id || order.contains(piece));
            self.orders.insert(region.id, order.clone());
        }
        (moved || !set.is_empty()).then_some(Patch { region: region.id, order, set })
    }
}

struct Window {
    shared: Arc<Shared>,
    view: View,
    told: Told,
    slack: Changes,
    notes: Changes,
    requests: Option<Changes>,
}

/// The news of a window, until the page stops. The first is all of it: a window that comes back has missed something.
pub(crate) fn news(shared: Arc<Shared>, view: View) -> impl Stream<Item = Result<Event, Infallible>> {
    let window = Window {
        // Before the first look: what happens meanwhile is not missed.
        slack: shared.slack.changes(),
        notes: shared.notes.changes(),
        requests: shared.requests.as_ref().map(|requests| requests.changes()),
        told: Told::default(),
        shared,
        view,
    };
    stream::unfold(window, async |mut window| {
        let stop = window.shared.stop.clone();
        let event = stop.run_until_cancelled(window.next()).await??;
        Some((Ok(event), window))
    })
}

impl Window {
    async fn next(&mut self) -> Option<Event> {
        loop {
            let news = match Scene::of(&self.shared, &self.view) {
                Some(scene) => self.told.news(scene.regions()),
                None => return None,
            };
            if !news.is_empty() {
                let json = serde_json::to_string(&news).ok()?;
                return Some(Event::default().retry(RETRY).data(json));
            }
            let requests = async {
                match &mut self.requests {
                    Some(changes) => changes.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.slack.next() => {}
                () = self.notes.next() => {}
                () = requests => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use maud::html;

    use super::*;
    use crate::page::draw::Piece;

    fn region(pieces: &[(&str, &str)]) -> Vec<Region> {
        let piece = |(id, text): &(&str, &str)| Piece { id: (*id).to_owned(), html: html! { p { (text) } } };
        vec![Region { id: "r", pieces: pieces.iter().map(piece).collect() }]
    }

    #[test]
    fn only_what_changed_is_told() {
        let mut told = Told::default();
        let mut tell = |pieces: &[(&str, &str)]| {
            let news = told.news(region(pieces));
            news.into_iter()
                .map(|patch| {
                    (patch.order.join(" "), patch.set.into_iter().map(|(id, _)| id).collect::<Vec<_>>().join(" "))
                })
                .collect::<Vec<_>>()
        };
        let is = |order: &str, set: &str| vec![(order.to_owned(), set.to_owned())];
        assert_eq!(tell(&[("a", "1"), ("b", "1")]), is("a b", "a b"));
        assert_eq!(tell(&[("a", "1"), ("b", "1")]), []);
        assert_eq!(tell(&[("a", "1"), ("b", "2")]), is("a b", "b"));
        assert_eq!(tell(&[("b", "2")]), is("b", ""), "what is gone is gone");
        assert_eq!(tell(&[("a", "1"), ("b", "2")]), is("a b", "a"), "what comes back is told again");
    }
}
