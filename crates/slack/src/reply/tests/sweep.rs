//! One failure at the first call, then at the second, and so on until there is none left to fail: each time the thread shows
//! the answer once, and whole.

use chathakase_sim::slack::Fault;

use super::{SMALL, Stage, lines, secs};
use crate::{
    render::{PartLimits, render},
    reply::{OwnPost, ReplyLimits},
};

/// Says an answer of some parts while one call goes wrong; mends what the reply gives up. False when nothing was left to go wrong.
async fn survives(nth: usize, name: &str, spoil: impl Fn(Fault) -> Fault) -> bool {
    let stage = Stage::small_parts().await;
    let thread = stage.question().await;
    let fault = spoil(stage.slack.next("*").after(nth));
    let text = format!("{}```\n{}```\n", lines(9), lines(9));
    let mut reply = stage.start(&thread);
    let replied = async {
        for line in text.split_inclusive('\n') {
            reply.push(line);
            super::settle().await;
        }
        reply.finish(None).await
    };
    if let Err(error) = stage.passing(secs(4), replied).await {
        assert!(error.is_mendable(), "{name} at call {nth}: {error:?}");
        let ours = thread.posts().into_iter().filter(|post| post.ours);
        let found = ours.map(|post| OwnPost { ts: post.ts, streaming: post.streaming }).collect();
        let mend = stage.replies.mend(stage.target(&thread), stage.journal.clone(), found, &text);
        stage.passing(secs(4), mend).await.unwrap();
    }
    assert_eq!(thread.answers(), render(&text, &SMALL).parts, "{name} at call {nth}");
    assert!(thread.posts().iter().all(|post| !post.streaming), "{name} at call {nth}");
    fault.hits() > 0
}

macro_rules! sweep {
    ($($(#[$doc:meta])* $story:ident = $spoil:expr;)*) => {$(
        #[tokio::test]
        async fn $story() {
            let mut nth = 0;
            while survives(nth, stringify!($story), $spoil).await {
                nth += 1;
            }
            assert!(nth > 6, "only {nth} calls");
        }
    )*};
}

sweep! {
    any_call_may_be_cut_after_it_happened = |fault| fault.cut();
    any_call_may_be_cut_before_it_happened = |fault| fault.cut_before();
    any_call_may_meet_a_broken_server = |fault| fault.http(503);
    any_call_may_get_a_strange_answer = |fault| fault.says("<html>");
    any_call_may_be_rate_limited = |fault| fault.fails_429(3);
    any_call_may_be_refused_for_a_reason_nobody_knows = |fault| fault.fails("something_new");
    any_call_may_fail_inside_slack = |fault| fault.fails("internal_error");
}

#[tokio::test]
async fn parts_that_slack_finds_too_long_become_smaller_ones() {
    let part = PartLimits { chars_max: 30_000, bytes_max: 30_000 };
    let stage = Stage::with(ReplyLimits { part, ..ReplyLimits::default() }, crate::pacing::Limits::default()).await;
    let thread = stage.question().await;
    let text = lines(800);
    let mut reply = stage.begun(&thread, &text[..100]).await;
    for piece in text.as_bytes()[100..].chunks(3000) {
        reply.push(std::str::from_utf8(piece).unwrap());
        stage.later(secs(1)).await;
    }
    stage.passing(secs(2), reply.finish(None)).await.unwrap();
    assert_eq!(thread.answers().concat(), text);
}
