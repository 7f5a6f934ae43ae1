//! How a window looks. Every word of a page is drawn here, whether it comes with the page or later.

mod avatar;
mod backstage;
mod blocks;
mod composer;
mod markdown;
mod mrkdwn;
mod post;
mod shell;
mod side;
mod text;
mod thread;
mod welcome;

use chathakase_session::ChannelId;
use maud::Markup;

pub(crate) use shell::page;
pub(crate) use text::Names;
pub(crate) use welcome::{refusal, welcome};

use super::{Shared, view::View};
use crate::slack::{Eyes, Place};

/// A part of a window whose pieces come and go.
#[derive(Debug)]
pub(crate) struct Region {
    /// The element that holds the pieces.
    pub(crate) id: &'static str,
    pub(crate) pieces: Vec<Piece>,
}

/// One element, with the id that it has in the page.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) id: String,
    pub(crate) html: Markup,
}

/// A window while it is drawn.
pub(crate) struct Scene<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) view: &'a View,
    pub(crate) eyes: Eyes,
    pub(crate) places: Vec<Place>,
    pub(crate) names: Names,
    /// Where the window is.
    pub(crate) here: ChannelId,
}

impl<'a> Scene<'a> {
    /// Looks at what a view names; none if there is no such person or place, or it is none of theirs.
    pub(crate) fn of(shared: &'a Shared, view: &'a View) -> Option<Self> {
        let eyes = shared.slack.eyes(&view.who)?;
        let mut places = eyes.places();
        // Made once: a change at each look would wake whoever waits for changes, such as the one who looks.
        if !places.iter().any(|place| place.is_direct) {
            shared.slack.dm_channel(&view.who);
            places = eyes.places();
        }
        let here = places.iter().find(|place| match view.channel() {
            Some(name) => !place.is_direct && place.name == name,
            None if view.is_direct() => place.is_direct,
            None => true,
        })?;
        let names = Names::new(eyes.names(), &view.who);
        let here = here.id.clone();
        Some(Self { shared, view, eyes, places, names, here })
    }

    /// The place that is shown, also where none was chosen.
    pub(crate) fn place(&self) -> &Place {
        self.places.iter().find(|place| place.id == self.here).unwrap_or(&self.places[0])
    }

    /// The view with its place named.
    pub(crate) fn settled(&self) -> View {
        let place = self.place();
        let name = if place.is_direct { super::view::DIRECT } else { &place.name };
        View { place: Some(name.to_owned()), ..self.view.clone() }
    }

    /// All that changes by itself.
    pub(crate) fn regions(&self) -> Vec<Region> {
        let mut regions = vec![side::places(self), post::channel(self)];
        if self.view.root.is_some() {
            regions.extend(thread::regions(self));
        }
        if self.view.backstage {
            regions.extend(backstage::regions(self));
        }
        regions
    }
}
