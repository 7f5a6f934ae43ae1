//! Whether commands were carried out, each once. Pure: posts in, findings out.

use chathakase_bot::texts;
use chathakase_session::SlackTs;
use chathakase_sim::slack::Post;

use crate::{judge::Wrong, script::Order};

/// What is wrong with the commands of a thread.
pub(crate) fn faults(ordered: &[Order], posts: &[Post]) -> Vec<(Wrong, String)> {
    let mut found = Vec::new();
    for order in [Order::Info, Order::Clear] {
        let said = ordered.iter().filter(|said| **said == order).count();
        let carried_out = posts.iter().filter(|post| post.ours && carries_out(post) == Some(order)).count();
        let failed = posts.iter().filter(|post| post.ours && post.text == texts::command_failed()).count();
        if carried_out > said {
            found.push((Wrong::Twice, format!("{order:?} was said {said} times, and carried out {carried_out} times")));
        } else if carried_out + failed < said {
            found.push((Wrong::Lost, format!("{order:?} was said {said} times, and carried out {carried_out} times")));
        }
    }
    found
}

/// When the thread was cleared last. Who says this has seen all answers. One whose process died before it had noted that is forgotten
/// with the thread, and taken away.
pub(crate) fn cleared(posts: &[Post]) -> Option<SlackTs> {
    let clears = posts.iter().filter(|post| !post.ours && post.text.ends_with("clear session"));
    clears.map(|post| post.ts).max()
}

/// The command that a post of ours answers.
pub(crate) fn carries_out(post: &Post) -> Option<Order> {
    let text = post.text.as_str();
    let begins = |words: &str| text.starts_with(words);
    if begins("**What I remember of this thread**") || text == texts::no_session() {
        Some(Order::Info)
    } else if begins("Done: I have forgotten this thread") || text == texts::session_cleared(0, 0) {
        Some(Order::Clear)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use chathakase_sim::slack::{Options, SmallSlack};

    use super::*;
    use crate::judge::judge;

    #[tokio::test]
    async fn each_command_is_carried_out_once() {
        let slack = SmallSlack::start(Options::default()).await;
        let first = slack.dm("ana", "hello").await.posts()[0].clone();
        let cleared = texts::session_cleared(3, 0);
        for (ordered, said, wrong) in [
            (vec![Order::Info, Order::Clear], vec![texts::no_session(), cleared.clone()], None),
            (vec![Order::Clear], vec![texts::command_failed()], None),
            (vec![Order::Clear], vec![], Some(Wrong::Lost)),
            (vec![Order::Info], vec![cleared.clone()], Some(Wrong::Twice)),
            (vec![Order::Clear], vec![cleared.clone(), texts::session_cleared(0, 0)], Some(Wrong::Twice)),
        ] {
            let ours = said.iter().map(|text| Post { text: text.clone(), ours: true, ..first.clone() });
            let verdict = judge(1, &[], &ordered, &ours.collect::<Vec<_>>());
            let found = verdict.findings.iter().map(|finding| finding.wrong).max();
            assert_eq!(found.is_some(), wrong.is_some(), "{said:?} {:?}", verdict.findings);
            assert!(wrong.is_none_or(|wrong| verdict.count(wrong) == 1), "{said:?} {:?}", verdict.findings);
        }
    }
}
