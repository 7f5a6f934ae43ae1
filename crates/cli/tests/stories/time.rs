//! How time passes in a story: by hand, in steps that everybody keeps up with.

use std::{
    ops::{Bound, RangeBounds},
    pin::pin,
    time::Duration,
};

use chathakase_session::time::Clock;
use futures_util::poll;

use crate::harness::{Story, over_in};

/// How long a call of ours waits for Slack, and Slack for our acknowledgement: who sleeps for such a time waits for an answer.
const CALL_LIMIT: Duration = Duration::from_secs(8);
const DELIVERY_LIMIT: Duration = Duration::from_secs(3);

impl Story {
    /// Lets time pass, once nothing is on its way: a jump over the limit of a call that is would make it fail.
    pub(crate) async fn passes(&self, time: Duration) {
        self.nothing_under_way().await;
        self.clock.advance(time);
    }

    /// Lets so many minutes pass as in [`Story::time_goes_on`].
    pub(crate) async fn minutes_pass(&self, minutes: u64) {
        let end = self.clock.monotonic() + Duration::from_secs(60 * minutes);
        self.time_goes_on(|| self.clock.monotonic() >= end).await;
    }

    /// Lets time pass until `enough`, and waits meanwhile for whoever does something every 10 s or every minute, and for Slack, which
    /// tries again after one and five: nobody takes it for a sleep of a process, or for its death. A story begins this when whoever
    /// holds a lease is at work: before, it waits for nobody.
    pub(crate) async fn time_goes_on(&self, enough: impl Fn() -> bool) {
        let end = self.clock.monotonic() + Duration::from_secs(3600);
        let mut regulars = 0;
        while !enough() {
            assert!(self.clock.monotonic() < end, "what is waited for does not come within an hour");
            self.ten_seconds_pass(&mut regulars).await;
        }
    }

    /// Lets ten seconds pass, and waits until as many are asleep again as were before it or any step before. Who ended meanwhile is
    /// waited for in vain, once; and a busy machine needs its time.
    async fn ten_seconds_pass(&self, regulars: &mut usize) {
        while *regulars == 0 && over_in(Duration::from_millis(50), self.are_asleep(self.asleep() + 1)).await.is_ok() {
            // Before the first step whoever is about to sleep does.
        }
        let before = self.asleep().max(*regulars);
        self.passes(Duration::from_secs(10)).await;
        let again = over_in(Duration::from_secs(2), self.are_asleep(before)).await;
        *regulars = if again.is_ok() { before } else { self.asleep() };
    }

    /// How many sleep now who do something every 10 s, every minute or every five.
    fn asleep(&self) -> usize {
        [10, 60, 300].map(|secs| self.clock.sleepers(Duration::from_secs(secs))).into_iter().sum()
    }

    async fn are_asleep(&self, count: usize) {
        while self.asleep() < count {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until no call to Slack and no delivery is on its way. What a story itself holds up does not come home: it is
    /// waited for a moment only.
    pub(crate) async fn nothing_under_way(&self) {
        let home = async {
            for limit in [CALL_LIMIT, DELIVERY_LIMIT] {
                self.clock.nobody_sleeps(limit..=limit).await;
            }
        };
        let _ = over_in(Duration::from_millis(300), home).await;
    }

    /// Waits for `seen`, and lets waits of so many seconds pass as often as somebody begins one: a retry, a rate limit. Others,
    /// such as leases and time limits, would have to be named to pass.
    pub(crate) async fn waits_pass(&self, seconds: impl RangeBounds<f64>, seen: impl Future<Output = ()>) {
        let bound = |bound: Bound<&f64>| bound.map(|secs| Duration::from_secs_f64(*secs));
        let range = (bound(seconds.start_bound()), bound(seconds.end_bound()));
        let passing = async {
            loop {
                let mut began = pin!(self.clock.sleep_began());
                let has_begun = poll!(&mut began).is_ready();
                // Between this and the jump nobody is waited for: a call that begins there would be given up.
                self.nothing_under_way().await;
                if self.clock.pass_sleep_now(range).is_none() && !has_begun {
                    began.await;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::select! { () = seen => {}, () = passing => {} }
    }

    /// Waits for `seen` where a turn could not go on: time passes towards its next try whenever nothing comes, in steps that no
    /// lease is lost by.
    pub(crate) async fn tried_again(&self, seen: impl Future<Output = ()>) {
        let (mut seen, mut regulars) = (pin!(seen), 0);
        loop {
            self.ten_seconds_pass(&mut regulars).await;
            if over_in(Duration::from_millis(100), &mut seen).await.is_ok() {
                return;
            }
        }
    }
}
