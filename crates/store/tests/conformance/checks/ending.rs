//! Expiry, and what is read back afterwards.

use chathakase_session::{
    Kind, Role,
    store::{Erased, Expired, NewPost, ReadBack, Receipt, Rules},
};

use crate::{kit::*, open::Open};

pub(crate) async fn only_due_sessions_expire_and_in_order(open: Open) {
    let store = open(Rules::default());
    let keys: Vec<_> = (0..5).map(|n| thread_of("T1", "C1", n)).collect();
    for (key, secs) in keys.iter().zip([40, 10, 30, 20, 50]) {
        receipt(&*store, tells(key, secs, "hi"), at(secs)).await;
    }
    let hour = 3600_i64;
    let sweep = async |limit, now: i64| store.expire(0, limit, at(hour + now)).await.unwrap();
    assert_eq!(sweep(10, 9).await, Expired { sessions: 0, more: false });
    assert_eq!(sweep(2, 40).await, Expired { sessions: 2, more: true });
    let mut there = Vec::new();
    for key in &keys {
        // At a time when none is over: only what the sweep took is gone.
        there.push(store.session(key, at(50)).await.unwrap().is_some());
    }
    assert_eq!(there, [true, false, true, false, true]);
    assert_eq!(sweep(2, 40).await, Expired { sessions: 2, more: false });
    assert_eq!(sweep(10, 49).await, Expired { sessions: 0, more: false });
    assert_eq!(sweep(10, 50).await, Expired { sessions: 1, more: false });
}

pub(crate) async fn few_sessions_are_left_alone(open: Open) {
    let store = open(Rules::default());
    for n in 0..4 {
        receipt(&*store, tells(&thread_of("T1", "C1", n), n, "hi"), at(n)).await;
    }
    assert_eq!(store.expire(4, 10, at(9000)).await.unwrap(), Expired::default());
    assert_eq!(store.expire(3, 10, at(9000)).await.unwrap(), Expired { sessions: 4, more: false });
}

pub(crate) async fn a_session_with_an_open_turn_does_not_expire(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    assert_eq!(store.expire(0, 10, at(90_000)).await.unwrap().sessions, 0);
    assert!(store.session(&key, at(90_000)).await.unwrap().unwrap().expires_at.is_none());
    store.close(&turn.lease, says("answer"), at(90_000)).await.unwrap();
    assert_eq!(store.expire(0, 10, at(99_000)).await.unwrap().sessions, 0, "the thread does not show it yet");
    store.delivered(&turn.lease, &shown(), None, at(99_000)).await.unwrap();
    assert_eq!(store.expire(0, 10, at(99_000) + HOUR - SECOND).await.unwrap().sessions, 0);
    assert_eq!(store.expire(0, 10, at(99_000) + HOUR).await.unwrap().sessions, 1);
}

pub(crate) async fn an_expired_session_is_out_of_sight_before_the_sweep(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    receipt(&*store, tells(&key, 0, "old"), at(0)).await;
    let last = at(0) + HOUR - SECOND;
    assert_eq!(window(&*store, &key, last).await, ["old"]);
    let over = at(0) + HOUR;
    assert!(window(&*store, &key, over).await.is_empty());
    assert!(store.messages(&key, 0, 10, over).await.unwrap().is_empty());
    assert!(store.session(&key, over).await.unwrap().is_none());
    assert!(!store.mark(&key, over).await.unwrap().active);
    assert_eq!(store.stats(None, over).await.unwrap().active_sessions, 0);
    let received = store.receive(tells(&key, 3600, "new"), None, over).await.unwrap();
    assert!(received.created);
    assert_eq!(window(&*store, &key, over).await, ["new"]);
    let messages = store.messages(&key, 0, 10, over).await.unwrap();
    assert_eq!((texts(&messages), messages[0].seq), (vec!["new"], 2), "counting goes on");
    assert_eq!(store.session(&key, over).await.unwrap().unwrap().created_at, over);
}

pub(crate) async fn a_thread_stays_joined_and_begins_unread_after_expiry(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "root"), at(0)).await;
    answers(&*store, &turn, "answer", at(1)).await;
    store.expire(0, 10, at(5000)).await.unwrap();
    let mark = store.mark(&key, at(5000)).await.unwrap();
    assert_eq!((mark.joined, mark.active), (true, false));
    let reply = NewPost { joined_only: true, ..asks(&key, 5000, "again") };
    let turn = runs(&*store, reply, at(5000)).await;
    assert!(turn.unread);
    store.learn(&turn.lease, read(Vec::new()), at(5001)).await.unwrap();
    receipt(&*store, asks(&key, 5002, "more"), at(5002)).await;
    assert!(!answers(&*store, &turn, "yes", at(5003)).await.unwrap().unread);
}

pub(crate) async fn a_redelivered_question_of_an_expired_session_is_known(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    receipt(&*store, tells(&key, 1, "told"), at(1)).await;
    answers(&*store, &turn, "answer", at(2)).await;
    for swept in [false, true] {
        if swept {
            store.expire(0, 10, at(5000)).await.unwrap();
        }
        assert_eq!(receipt(&*store, asks(&key, 0, "question"), at(5000)).await, Receipt::Known);
        assert_eq!(receipt(&*store, tells(&key, 1, "told"), at(5000)).await, Receipt::Known);
    }
    // What was only told may still ask.
    assert!(matches!(receipt(&*store, asks(&key, 1, "told"), at(5001)).await, Receipt::Run(_)));
}

pub(crate) async fn old_marks_are_forgotten(open: Open) {
    let rules = Rules { tombstones_for: 2 * HOUR, ..Rules::default() };
    let store = open(rules);
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    answers(&*store, &turn, "answer", at(0)).await;
    store.erase(&key.workspace, &key.channel, ts(50), at(0)).await.unwrap();
    store.expire(0, 10, at(3600)).await.unwrap();
    let both = async |now| {
        store.expire(0, 10, at(now)).await.unwrap();
        let asked = store.receive(asks(&key, 0, "question"), None, at(now)).await.unwrap().receipt;
        (asked == Receipt::Known, store.erase(&key.workspace, &key.channel, ts(50), at(now)).await.unwrap())
    };
    assert_eq!(both(7200).await, (true, Erased::Gone));
    assert_eq!(both(7201).await, (true, Erased::Marked));
    assert_eq!(both(3600 + 7200).await, (true, Erased::Gone));
    assert!(!both(3600 + 7201).await.0, "Slack redelivers nothing as old as this");
}

pub(crate) async fn what_is_read_back_is_context_and_known_once(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 10, "mention"), at(10)).await;
    assert!(turn.unread);
    receipt(&*store, tells(&key, 11, "arrived"), at(11)).await;
    let ours = NewPost { role: Role::Assistant, author: Some("U9BOT".parse().unwrap()), ..tells(&key, 2, "we said") };
    let other_thread = tells(&thread_of("T1", "C1", 5), 5, "elsewhere");
    let posts = vec![
        by("U2BEN", "Ben", tells(&key, 0, "root")),
        ours,
        asks(&key, 10, "mention"),
        tells(&key, 11, "arrived"),
        other_thread,
    ];
    assert_eq!(store.learn(&turn.lease, read(posts.clone()), at(12)).await.unwrap().new, 2);
    assert_eq!(store.learn(&turn.lease, read(posts), at(12)).await.unwrap().new, 0);
    let history = store.history(&key, Some(turn.turn.id), 20, at(12)).await.unwrap();
    assert_eq!(texts(&history.newest), ["root", "we said", "mention", "arrived"]);
    let kinds: Vec<_> = history.newest.iter().map(|message| message.kind).collect();
    assert_eq!(kinds, [Kind::Context, Kind::Context, Kind::Accepted, Kind::Context]);
    assert_eq!(history.people.values().collect::<Vec<_>>(), ["Ana", "Ben"]);
    let info = store.session(&key, at(12)).await.unwrap().unwrap();
    assert_eq!((info.user_messages, info.assistant_messages), (3, 1));
    // A missed question that was read back is answered when it arrives; a post of ours never is.
    assert!(matches!(receipt(&*store, asks(&key, 0, "root"), at(13)).await, Receipt::Waiting(_)));
    assert_eq!(receipt(&*store, asks(&key, 2, "we said"), at(13)).await, Receipt::Known);
}

pub(crate) async fn what_expired_can_be_read_back_and_is_not_asked_again(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    receipt(&*store, tells(&key, 1, "wrong"), at(1)).await;
    answers(&*store, &turn, "answer", at(2)).await;
    let turn = runs(&*store, asks(&key, 5000, "again"), at(5000)).await;
    // Deleted in Slack after it expired here: it must not come back with the others.
    assert_eq!(store.erase(&key.workspace, &key.channel, ts(1), at(5000)).await.unwrap(), Erased::Gone);
    let back = vec![asks(&key, 0, "question"), tells(&key, 1, "wrong")];
    assert_eq!(store.learn(&turn.lease, read(back), at(5001)).await.unwrap().new, 1);
    assert_eq!(window(&*store, &key, at(5001)).await, ["question", "again"]);
    assert_eq!(receipt(&*store, asks(&key, 0, "question"), at(5002)).await, Receipt::Known);
    assert_eq!(store.session(&key, at(5002)).await.unwrap().unwrap().waiting, 0);
}

pub(crate) async fn our_own_parts_are_not_read_back(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 1, "question"), at(1)).await;
    store.close(&turn.lease, says("answer"), at(2)).await.unwrap();
    store.delivered(&turn.lease, &[part(0, 2), part(1, 3)], None, at(3)).await.unwrap();
    let next = runs(&*store, asks(&key, 4, "next"), at(4)).await;
    let ours = |secs| NewPost { role: Role::Assistant, ..tells(&key, secs, "answer") };
    assert_eq!(store.learn(&next.lease, read(vec![ours(2), ours(3), ours(0)]), at(5)).await.unwrap().new, 1);
    assert_eq!(window(&*store, &key, at(5)).await, ["answer", "question", "answer", "next"]);
}

pub(crate) async fn a_session_that_begins_with_its_root_has_nothing_to_read(open: Open) {
    let store = open(Rules::default());
    for (root, first, unread) in [(0, 0, false), (1, 2, true)] {
        let key = thread_of("T1", "C1", root);
        assert_eq!(runs(&*store, asks(&key, first, "hi"), at(3)).await.unread, unread, "{first} in {root}");
    }
}

pub(crate) async fn what_was_not_read_is_counted_as_left_out(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 9, "mention"), at(9)).await;
    let bounded = ReadBack { left_out: 7, ..read(vec![tells(&key, 0, "root")]) };
    store.learn(&turn.lease, bounded, at(10)).await.unwrap();
    assert_eq!(store.history(&key, Some(turn.turn.id), 20, at(10)).await.unwrap().left_out, 7);
    assert_eq!(store.history(&key, Some(turn.turn.id), 1, at(10)).await.unwrap().left_out, 7);
    answers(&*store, &turn, "answer", at(11)).await;
    assert_eq!(store.history(&key, None, 1, at(11)).await.unwrap().left_out, 8);
    // What is cleared is not left out, though the session lives on for what still runs in it.
    let turn = runs(&*store, asks(&key, 12, "more"), at(12)).await;
    assert_eq!(store.history(&key, Some(turn.turn.id), 20, at(12)).await.unwrap().left_out, 7);
    store.clear(&key, ts(13), at(13)).await.unwrap();
    assert_eq!(store.history(&key, None, 20, at(13)).await.unwrap().left_out, 0);
    // Nor is it by who began to read before.
    let bounded = ReadBack { left_out: 7, ..read(vec![tells(&key, 0, "root"), tells(&key, 14, "later")]) };
    store.learn(&turn.lease, bounded, at(14)).await.unwrap();
    assert_eq!(store.history(&key, None, 20, at(14)).await.unwrap().left_out, 0);
    answers(&*store, &turn, "answer", at(15)).await;
    // The session that comes after it reads anew.
    runs(&*store, asks(&key, 5000, "again"), at(5000)).await;
    assert_eq!(store.history(&key, None, 20, at(5000)).await.unwrap().left_out, 0);
}
