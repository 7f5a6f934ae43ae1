//! What people do on a page: write, change, delete, stop, break.

use std::sync::Arc;

use chathakase_session::{ChannelId, SlackTs};
use serde::Deserialize;

use super::{
    Shared,
    view::{self, View},
};
use crate::slack::{SmallSlack, Thread};

/// Slack's longest message.
const TEXT_CHARS_MAX: usize = 40_000;

/// A form that was sent.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Deed {
    #[serde(default)]
    who: String,
    place: Option<String>,
    root: Option<String>,
    ts: Option<String>,
    text: Option<String>,
    fault: Option<String>,
    backstage: Option<String>,
}

/// What cannot be done, in words for who wanted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Undone(pub(crate) &'static str);

/// What is said of a text that Slack would not take, or of a form that is longer than any such text.
pub(crate) const TOO_LONG: Undone =
    Undone("It is longer than the 40,000 characters that Slack takes; send it in parts.");

/// Where somebody is.
struct Spot {
    view: View,
    channel: ChannelId,
}

impl Deed {
    /// Who does it, as it was typed.
    pub(crate) fn who(&self) -> &str {
        &self.who
    }

    /// Somebody comes in under a name; they are there from then on.
    pub(crate) fn join(self, shared: &Shared) -> Result<View, Undone> {
        let who = view::name(&self.who).map_err(Undone)?;
        shared.slack.person(&who);
        Ok(View { who, ..View::default() })
    }

    /// Writes a post. A new thread is gone to, as the answer will stand there.
    pub(crate) async fn say(self, shared: &Shared) -> Result<View, Undone> {
        let spot = self.spot(shared)?;
        let text = self.text()?;
        let (slack, who) = (&shared.slack, spot.view.who.as_str());
        if let Some(root) = spot.view.root {
            let thread = self.thread(slack, &spot, root)?;
            thread.reply(who, text).await;
            return Ok(spot.view);
        }
        let asks = text.contains("@assistant");
        let thread = if spot.view.is_direct() {
            slack.dm(who, text).await
        } else {
            slack.post(who, spot.channel.as_str(), text).await
        };
        let opens = asks || spot.view.is_direct();
        Ok(if opens { spot.view.thread(thread.root()) } else { spot.view })
    }

    /// Changes an own post.
    pub(crate) async fn edit(self, shared: &Shared) -> Result<View, Undone> {
        let spot = self.spot(shared)?;
        let text = self.text()?;
        let (thread, ts) = self.own(shared, &spot)?;
        let user = shared.slack.person(&spot.view.who);
        thread.edit_ts(&user, ts, text).await;
        Ok(spot.view)
    }

    /// Deletes an own post. A thread that ends with it is left.
    pub(crate) async fn delete(self, shared: &Shared) -> Result<View, Undone> {
        let spot = self.spot(shared)?;
        let (thread, ts) = self.own(shared, &spot)?;
        thread.delete_ts(ts).await;
        let ended =
            shared.slack.eyes(&spot.view.who).is_some_and(|eyes| eyes.thread(&spot.channel, thread.root()).is_none());
        Ok(if ended { spot.view.without_thread() } else { spot.view })
    }

    /// Presses Slack's Stop.
    pub(crate) async fn stop(self, shared: &Shared) -> Result<View, Undone> {
        let spot = self.spot(shared)?;
        let root = spot.view.root.ok_or(Undone("There is no thread to stop in."))?;
        self.thread(&shared.slack, &spot, root)?.press_stop(&spot.view.who).await;
        Ok(spot.view)
    }

    /// Presses a button that breaks something.
    pub(crate) fn break_something(self, shared: &Arc<Shared>) -> Result<View, Undone> {
        let spot = self.spot(shared)?;
        let fault = shared.faults.iter().find(|fault| Some(fault.id) == self.fault.as_deref());
        let fault = fault.ok_or(Undone("There is no such button."))?;
        let sent = shared.presses.try_send(fault.id);
        sent.map_err(|_| Undone("The demo is busy, or has ended; try again in a moment."))?;
        Ok(spot.view)
    }

    fn spot(&self, shared: &Shared) -> Result<Spot, Undone> {
        let eyes = shared.slack.eyes(&self.who).ok_or(Undone("Nobody of this name is here."))?;
        let root = match &self.root {
            Some(root) => Some(SlackTs::parse(root).map_err(|_| Undone("There is no such thread."))?),
            None => None,
        };
        let view = View {
            who: self.who.clone(),
            place: self.place.clone(),
            root,
            backstage: self.backstage.is_some(),
            ..View::default()
        };
        let places = eyes.places();
        let channel = places.into_iter().find(|place| match view.channel() {
            Some(name) => !place.is_direct && place.name == name,
            None => place.is_direct,
        });
        let channel = channel.ok_or(Undone("There is no such channel."))?.id;
        Ok(Spot { view, channel })
    }

    fn text(&self) -> Result<String, Undone> {
        // Forms end lines as the network does.
        let text = self.text.as_deref().unwrap_or_default().replace("\r\n", "\n").trim().to_owned();
        match text.chars().count() {
            0 => Err(Undone("There is nothing in it yet.")),
            1..=TEXT_CHARS_MAX => Ok(text),
            _ => Err(TOO_LONG),
        }
    }

    fn thread(&self, slack: &SmallSlack, spot: &Spot, root: SlackTs) -> Result<Thread, Undone> {
        let eyes = slack.eyes(&self.who).ok_or(Undone("Nobody of this name is here."))?;
        eyes.thread(&spot.channel, root).ok_or(Undone("There is no such thread, or it is gone."))?;
        Ok(slack.thread(spot.channel.as_str(), root))
    }

    /// A post of one's own, and the thread that it is in.
    fn own(&self, shared: &Shared, spot: &Spot) -> Result<(Thread, SlackTs), Undone> {
        let gone = Undone("There is no such message of yours, or it is gone.");
        let ts = self.ts.as_deref().and_then(|ts| SlackTs::parse(ts).ok()).ok_or(gone.clone())?;
        let eyes = shared.slack.eyes(&self.who).ok_or(gone.clone())?;
        let root = spot.view.root.filter(|root| {
            let posts = eyes.thread(&spot.channel, *root).unwrap_or_default();
            posts.iter().any(|post| post.ts == ts)
        });
        let root = root.unwrap_or(ts);
        let posts = eyes.thread(&spot.channel, root).unwrap_or_default();
        let own = posts.iter().any(|post| post.ts == ts && post.who == self.who && !post.deleted && !post.only_here);
        if !own {
            return Err(gone);
        }
        Ok((shared.slack.thread(spot.channel.as_str(), root), ts))
    }
}
