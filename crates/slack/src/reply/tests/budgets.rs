use std::{collections::BTreeMap, time::Duration};

use chathakase_session::Clock;

use super::{Stage, secs};
use crate::reply::Mode;

#[tokio::test]
async fn many_answers_at_once_stay_within_slacks_limits_and_all_come_whole() {
    let stage = Stage::new().await;
    let mut threads = Vec::new();
    for n in 0..12 {
        for _ in 0..6 {
            threads.push(stage.slack.post("ana", &format!("#place{n}"), "What is new?").await);
        }
    }
    let mut running = tokio::task::JoinSet::new();
    for (n, thread) in threads.iter().enumerate() {
        let mut reply = stage.start(thread);
        let clock = stage.clock.clone();
        running.spawn(async move {
            for word in 0..20 {
                reply.push(&format!("{n}.{word} "));
                clock.sleep(Duration::from_millis(500)).await;
            }
            reply.finish(None).await.unwrap().mode
        });
    }
    let mut modes: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(mode) = stage.passing(secs(7), running.join_next()).await {
        *modes.entry(format!("{:?}", mode.unwrap())).or_default() += 1;
    }
    for (n, thread) in threads.iter().enumerate() {
        let whole: String = (0..20).map(|word| format!("{n}.{word} ")).collect();
        assert_eq!(thread.answers(), [whole]);
    }
    let limited: Vec<_> = stage.slack.all_calls().into_iter().filter(|call| call.answer == "ratelimited").collect();
    assert!(limited.is_empty(), "{} of {} calls", limited.len(), stage.slack.all_calls().len());
    assert_eq!(modes.len(), 3, "every way is taken: {modes:?}");
    assert_eq!(modes["Stream"], 20, "{modes:?}");
    assert!(stage.clock.monotonic() < secs(40), "nothing waits longer than it must: {:?}", stage.clock.monotonic());
}

#[tokio::test]
async fn one_post_a_second_goes_into_a_channel() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    for n in 0..6 {
        let notice = format!("Notice {n}.");
        let said = stage.replies.mend(stage.target(&thread), stage.journal.clone(), Vec::new(), &notice);
        assert_eq!(stage.passing(secs(1), said).await.unwrap().mode, Mode::SinglePost);
    }
    assert_eq!(thread.answers().len(), 6);
    assert_eq!(stage.calls("chat.postMessage"), (6, 6));
    assert_eq!(stage.clock.monotonic(), secs(5));
}
