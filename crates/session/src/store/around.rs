//! A store that stands before another one.

use std::time::Duration;

use async_trait::async_trait;

use super::{
    Amended, Claimed, Cleared, Closing, Count, Edit, Erased, Expired, History, Learned, Load, Looked, NewPost, Others,
    Page, Press, ReadBack, Received, Renewed, Result, SessionInfo, SessionStore, Stats, ThreadMark,
};
use crate::{
    ChannelId, Message, SlackTs, ThreadKey, Timestamp, WorkspaceId,
    message::Ending,
    turn::{Claimant, Lease, Part, PartMode, TurnId},
};

/// Makes [`Around`] from the list of all steps. One that is missing in the list does not compile.
macro_rules! around {
    ($($step:ident($($argument:ident: $kind:ty),*) -> $given:ty;)*) => {
        /// The names of all steps, for whoever has to do something about each. [`shutdown`](SessionStore::shutdown) is none.
        pub const STEPS: &[&str] = &[$(stringify!($step)),*];

        /// A store that passes every step on to another one, and does something of its own besides.
        ///
        /// What it does with all of them goes into [`Around::step`], what it does with one into the method of that name. Whoever
        /// implements this is a [`SessionStore`].
        pub trait Around: Send + Sync + 'static {
            /// The store that it stands before.
            fn inner(&self) -> &dyn SessionStore;

            /// Does one step: `work` is the inner store's, `name` that of its method. A method that is overridden comes past here
            /// only if it asks to.
            fn step<T: Send>(
                &self,
                _name: &'static str,
                work: impl Future<Output = Result<T>> + Send,
            ) -> impl Future<Output = Result<T>> + Send {
                work
            }

            $(
                #[doc = concat!("[`SessionStore::", stringify!($step), "`]; unless it is overridden, the inner store's.")]
                fn $step(&self, $($argument: $kind),*) -> impl Future<Output = Result<$given>> + Send {
                    async move { self.step(stringify!($step), self.inner().$step($($argument),*)).await }
                }
            )*

            /// [`SessionStore::shutdown`]; unless it is overridden, the inner store's. It is no step.
            fn shutdown(&self) -> impl Future<Output = ()> + Send {
                self.inner().shutdown()
            }
        }

        #[async_trait]
        impl<A: Around> SessionStore for A {
            $(
                async fn $step(&self, $($argument: $kind),*) -> Result<$given> {
                    Around::$step(self, $($argument),*).await
                }
            )*
            async fn shutdown(&self) {
                Around::shutdown(self).await;
            }
        }
    };
}

around! {
    receive(post: NewPost, claimant: Option<&Claimant>, now: Timestamp) -> Received;
    learn(lease: &Lease, read: ReadBack, now: Timestamp) -> Learned;
    reconcile(key: &ThreadKey, read: ReadBack, now: Timestamp) -> Learned;
    claim(claimant: &Claimant, limit: usize, now: Timestamp) -> Vec<Claimed>;
    renew(leases: &[Lease], lease: Duration, now: Timestamp) -> Renewed;
    stopped(leases: &[Lease]) -> Vec<TurnId>;
    release(leases: &[Lease], wait: Duration, now: Timestamp) -> ();
    part_intended(lease: &Lease, index: u32, mode: PartMode) -> ();
    part_open(lease: &Lease, index: u32, mode: PartMode, ts: SlackTs) -> ();
    part_done(lease: &Lease, index: u32, hash: u64) -> ();
    repeats(lease: &Lease) -> ();
    posts_of_others(lease: &Lease, posts: &[SlackTs]) -> Vec<SlackTs>;
    stop(key: &ThreadKey, press: &Press) -> Option<TurnId>;
    close(lease: &Lease, closing: Closing, now: Timestamp) -> ();
    cut_short(lease: &Lease, text: &str, ending: Ending, now: Timestamp) -> ();
    delivered(lease: &Lease, parts: &[Part], claimant: Option<&Claimant>, now: Timestamp) -> Option<Claimed>;
    amend(edit: Edit, now: Timestamp) -> Amended;
    erase(workspace: &WorkspaceId, channel: &ChannelId, ts: SlackTs, now: Timestamp) -> Erased;
    retract(key: &ThreadKey, ts: SlackTs, now: Timestamp) -> bool;
    clear(key: &ThreadKey, before: SlackTs, now: Timestamp) -> Cleared;
    clear_and_close(lease: &Lease, before: SlackTs, says: fn(Cleared) -> Closing, now: Timestamp) -> Cleared;
    expire(keep_up_to: usize, limit: usize, now: Timestamp) -> Expired;
    mark(key: &ThreadKey, now: Timestamp) -> ThreadMark;
    time(now: Timestamp) -> Timestamp;
    session(key: &ThreadKey, now: Timestamp) -> Option<SessionInfo>;
    history(key: &ThreadKey, turn: Option<TurnId>, limit: usize, now: Timestamp) -> History;
    messages(key: &ThreadKey, after: u64, limit: usize, now: Timestamp) -> Vec<Message>;
    sessions(page: &Page, now: Timestamp) -> Vec<SessionInfo>;
    stats(workspace: Option<&WorkspaceId>, now: Timestamp) -> Stats;
    load(now: Timestamp) -> Load;
    joined_since(workspace: &WorkspaceId, since: Timestamp, limit: usize, now: Timestamp) -> Vec<ThreadKey>;
    live(process: &Claimant, now: Timestamp) -> u32;
    note_good(process: &Claimant, at: Timestamp, now: Timestamp) -> Others;
    good_until(process: &Claimant, now: Timestamp) -> Option<Timestamp>;
    note_looked(workspace: &WorkspaceId, looked: &Looked, now: Timestamp) -> ();
    looked(workspace: &WorkspaceId, now: Timestamp) -> Vec<Looked>;
    leave(process: &Claimant, good: Option<Timestamp>, now: Timestamp) -> ();
    counted(key: &ThreadKey, counts: &[Count]) -> ();
    check() -> ();
}
