//! Taking posts in.

use chathakase_session::{
    Kind,
    store::{Amended, Edit, NewPost, Receipt, Received, Rules},
};

use crate::{kit::*, open::Open};

pub(crate) async fn a_post_is_stored_once(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let first = store.receive(asks(&key, 0, "hi"), Some(&us()), at(0)).await.unwrap();
    assert!(first.created && matches!(first.receipt, Receipt::Run(_)));
    // Again as it was, and as another kind of event with other words.
    for again in [asks(&key, 0, "hi"), tells(&key, 0, "hi"), commands(&key, 0, "help"), asks(&key, 0, "changed")] {
        let received = store.receive(again, Some(&us()), at(1)).await.unwrap();
        assert_eq!(received, Received { receipt: Receipt::Known, created: false, passed: Vec::new() });
    }
    assert_eq!(window(&*store, &key, at(1)).await, ["hi"]);
    assert_eq!(store.session(&key, at(1)).await.unwrap().unwrap().user_messages, 1);
}

pub(crate) async fn a_context_post_that_asks_later_is_accepted_once(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    assert_eq!(receipt(&*store, tells(&key, 0, "what is it?"), at(0)).await, Receipt::Kept);
    let turn = runs(&*store, asks(&key, 0, "what is it?"), at(1)).await;
    assert_eq!((turn.turn.first_ts, turn.turn.last_ts), (ts(0), ts(0)));
    assert_eq!(receipt(&*store, asks(&key, 0, "what is it?"), at(2)).await, Receipt::Known);
    answers(&*store, &turn, "it is", at(3)).await;
    assert_eq!(receipt(&*store, asks(&key, 0, "what is it?"), at(4)).await, Receipt::Known);
    assert_eq!(window(&*store, &key, at(4)).await, ["what is it?", "it is"]);
    let info = store.session(&key, at(4)).await.unwrap().unwrap();
    assert_eq!((info.user_messages, info.assistant_messages, info.people.len()), (1, 1, 1));
    assert!(store.mark(&key, at(4)).await.unwrap().joined);
}

pub(crate) async fn a_command_known_as_context_is_carried_out_once(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    receipt(&*store, tells(&key, 0, "help"), at(0)).await;
    let turn = runs(&*store, commands(&key, 0, "help"), at(1)).await;
    assert_eq!(turn.command.as_deref(), Some("help"));
    assert_eq!(receipt(&*store, commands(&key, 0, "help"), at(1)).await, Receipt::Known);
    assert!(window(&*store, &key, at(1)).await.is_empty());
    let info = store.session(&key, at(1)).await.unwrap().unwrap();
    assert_eq!((info.user_messages, info.people.len()), (0, 0));
}

pub(crate) async fn a_reply_enters_only_a_joined_thread(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let reply = |secs| NewPost { joined_only: true, ..asks(&key, secs, "reply") };
    let received = store.receive(reply(1), Some(&us()), at(1)).await.unwrap();
    assert_eq!(received, Received { receipt: Receipt::NotJoined, created: false, passed: Vec::new() });
    assert!(store.session(&key, at(1)).await.unwrap().is_none());
    // Context alone does not make us take part.
    receipt(&*store, tells(&key, 2, "told"), at(2)).await;
    assert_eq!(receipt(&*store, reply(3), at(3)).await, Receipt::NotJoined);
    runs(&*store, asks(&key, 4, "mention"), at(4)).await;
    assert!(matches!(receipt(&*store, reply(5), at(5)).await, Receipt::Waiting(_)));
}

pub(crate) async fn equal_roots_in_two_channels_and_workspaces_never_mix(open: Open) {
    let store = open(Rules::default());
    let keys = [thread_of("T1", "C1", 0), thread_of("T1", "C2", 0), thread_of("T2", "C1", 0)];
    for (n, key) in keys.iter().enumerate() {
        let turn = runs(&*store, asks(key, 0, &format!("question {n}")), at(0)).await;
        answers(&*store, &turn, &format!("answer {n}"), at(1)).await;
    }
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(window(&*store, key, at(2)).await, [format!("question {n}"), format!("answer {n}")]);
    }
    store.erase(&keys[0].workspace, &keys[0].channel, ts(0), at(3)).await.unwrap();
    store.clear(&keys[1], ts(100), at(3)).await.unwrap();
    assert_eq!(window(&*store, &keys[2], at(4)).await, ["question 2", "answer 2"]);
}

pub(crate) async fn a_full_queue_keeps_nothing_and_says_so(open: Open) {
    let store = open(Rules { waiting_max: 2, ..Rules::default() });
    let key = thread();
    runs(&*store, asks(&key, 0, "0"), at(0)).await;
    for secs in 1..=2 {
        assert!(matches!(receipt(&*store, asks(&key, secs, "waits"), at(secs)).await, Receipt::Waiting(_)));
    }
    assert_eq!(receipt(&*store, asks(&key, 3, "too much"), at(3)).await, Receipt::Full);
    // What does not ask needs no place in the queue, and neither does a command.
    assert_eq!(receipt(&*store, tells(&key, 4, "told"), at(4)).await, Receipt::Kept);
    assert!(matches!(receipt(&*store, commands(&key, 5, "help"), at(5)).await, Receipt::Run(_)));
    assert_eq!(store.session(&key, at(5)).await.unwrap().unwrap().waiting, 2);
}

pub(crate) async fn bots_in_a_row_are_counted_until_a_person_asks(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let mut counts = Vec::new();
    let bot = |secs| NewPost { by_bot: true, ..asks(&key, secs, "beep") };
    let posts = [bot(0), bot(1), NewPost { kind: Kind::Context, ..bot(2) }, bot(3), asks(&key, 4, "hi"), bot(5)];
    for post in posts {
        store.receive(post, None, at(5)).await.unwrap();
        counts.push(store.mark(&key, at(5)).await.unwrap().bots_in_row);
    }
    assert_eq!(counts, [1, 2, 2, 3, 0, 1]);
}

pub(crate) async fn however_many_bots_write_at_once_only_so_many_are_answered_in_a_row(open: Open) {
    let store = open(Rules { bots_in_row_max: 3, ..Rules::default() });
    let key = thread();
    let bot = |secs| NewPost { by_bot: true, ..asks(&key, secs, "beep") };
    let posts = (0..10).map(|secs| receipt(&*store, bot(secs), at(0)));
    let receipts = futures_util::future::join_all(posts).await;
    assert_eq!(receipts.iter().filter(|receipt| **receipt == Receipt::TooManyBots).count(), 7, "{receipts:?}");
    assert_eq!(store.messages(&key, 0, 100, at(0)).await.unwrap().len(), 3);
    // The same again is what it was, and a person begins anew.
    let taken = receipts.iter().position(|receipt| *receipt != Receipt::TooManyBots).unwrap();
    assert_eq!(receipt(&*store, bot(i64::try_from(taken).unwrap()), at(1)).await, Receipt::Known);
    receipt(&*store, asks(&key, 20, "hi"), at(20)).await;
    assert!(matches!(receipt(&*store, bot(21), at(21)).await, Receipt::Waiting(_)));
}

pub(crate) async fn what_is_not_claimed_waits_for_a_claim(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let waiting = store.receive(asks(&key, 0, "one"), None, at(0)).await.unwrap().receipt;
    let Receipt::Waiting(id) = waiting else { panic!("{waiting:?}") };
    assert_eq!(store.receive(asks(&key, 1, "two"), None, at(1)).await.unwrap().receipt, Receipt::Waiting(id));
    // Whoever brings the next post with room to run takes all that waits.
    let turn = runs(&*store, asks(&key, 2, "three"), at(2)).await;
    assert_eq!((turn.turn.id, turn.turn.first_ts, turn.turn.last_ts), (id, ts(0), ts(2)));
    assert!(!turn.adopted);
    assert!(store.claim(&us(), 10, at(3)).await.unwrap().is_empty());
}

pub(crate) async fn what_others_wrote_before_we_were_asked_in_is_not_for_us(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let reply = |secs| NewPost { joined_only: true, ..asks(&key, secs, "reply") };
    runs(&*store, asks(&key, 5, "mention"), at(5)).await;
    assert_eq!(receipt(&*store, reply(4), at(6)).await, Receipt::NotJoined);
    assert!(matches!(receipt(&*store, reply(6), at(6)).await, Receipt::Waiting(_)));
    // An earlier mention that arrives late asked us in earlier.
    assert!(matches!(receipt(&*store, asks(&key, 2, "earlier mention"), at(7)).await, Receipt::Waiting(_)));
    assert!(matches!(receipt(&*store, reply(4), at(7)).await, Receipt::Waiting(_)));
    assert_eq!(receipt(&*store, reply(1), at(7)).await, Receipt::NotJoined);
    // Where an edit made a post ask us, what was written between the two was not for us either.
    let other = thread_of("T1", "C1", 20);
    runs(&*store, NewPost { asked_by_edit: Some(ts(25)), ..asks(&other, 22, "now a mention") }, at(25)).await;
    let reply_there = |secs| NewPost { joined_only: true, ..asks(&other, secs, "reply") };
    assert_eq!(receipt(&*store, reply_there(24), at(26)).await, Receipt::NotJoined);
    assert!(matches!(receipt(&*store, reply_there(26), at(26)).await, Receipt::Waiting(_)));
    // A reply that names nobody moves nothing.
    assert_eq!(receipt(&*store, reply(1), at(8)).await, Receipt::NotJoined);
}

pub(crate) async fn a_post_that_opens_its_thread_late_is_told_of_the_younger_ones(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let reply = |secs| NewPost { joined_only: true, ..asks(&key, secs, "reply") };
    let passed = async |post: NewPost, secs| store.receive(post, Some(&us()), at(secs)).await.unwrap().passed;
    for secs in [3, 1, 7] {
        assert_eq!(receipt(&*store, reply(secs), at(8)).await, Receipt::NotJoined);
    }
    let elsewhere = thread_of("T1", "C1", 2);
    receipt(&*store, NewPost { joined_only: true, ..asks(&elsewhere, 6, "reply") }, at(8)).await;
    // Told again until they are taken in: who heard it first may have died since.
    for secs in [9, 10] {
        assert_eq!(passed(asks(&key, 2, "mention"), secs).await, [ts(3), ts(7)]);
    }
    assert!(matches!(receipt(&*store, reply(3), at(11)).await, Receipt::Waiting(_)));
    store.erase(&key.workspace, &key.channel, ts(7), at(11)).await.unwrap();
    assert_eq!(passed(asks(&key, 2, "mention"), 12).await, []);
    assert_eq!(passed(asks(&key, 20, "another mention"), 21).await, []);
    // An older mention opens more of it; and a reply that waits is no mention.
    receipt(&*store, reply(0), at(22)).await;
    assert_eq!(passed(reply(1), 22).await, []);
    assert_eq!(passed(NewPost { asked_by_edit: Some(ts(1)), ..asks(&key, 0, "now a mention") }, 23).await, []);
    let other = thread_of("T1", "C2", 0);
    receipt(&*store, NewPost { joined_only: true, ..asks(&other, 5, "reply") }, at(24)).await;
    let edited = NewPost { asked_by_edit: Some(ts(4)), ..asks(&other, 0, "now a mention") };
    assert_eq!(passed(edited, 25).await, [ts(5)]);
}

pub(crate) async fn a_reading_leaves_replies_that_came_before_their_mention_to_be_questions(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let reply = |secs| NewPost { joined_only: true, ..asks(&key, secs, "reply") };
    for secs in [1, 3] {
        assert_eq!(receipt(&*store, reply(secs), at(4)).await, Receipt::NotJoined);
    }
    let turn = runs(&*store, asks(&key, 2, "mention"), at(5)).await;
    let back = vec![tells(&key, 1, "before"), tells(&key, 3, "reply")];
    assert_eq!(store.learn(&turn.lease, read(back), at(6)).await.unwrap().new, 1);
    assert_eq!(window(&*store, &key, at(6)).await, ["before", "mention"]);
    // Who was told of it died before it was fetched, and the mention comes again.
    let again = store.receive(asks(&key, 2, "mention"), Some(&us()), at(7)).await.unwrap();
    assert_eq!((again.receipt, again.passed), (Receipt::Known, vec![ts(3)]));
    assert!(matches!(receipt(&*store, reply(3), at(8)).await, Receipt::Waiting(_)));
}

pub(crate) async fn an_edit_that_comes_before_its_post_keeps_the_older_text_out(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    for edited in [8, 9, 7] {
        assert_eq!(store.amend(edit(&key, 0, "secret", edited), at(10)).await.unwrap(), Amended::Unknown);
    }
    assert_eq!(receipt(&*store, asks(&key, 0, "before"), at(11)).await, Receipt::Outdated(ts(9)));
    let between = NewPost { edited_ts: Some(ts(8)), ..asks(&key, 0, "between") };
    assert_eq!(receipt(&*store, between, at(11)).await, Receipt::Outdated(ts(9)));
    assert!(store.session(&key, at(11)).await.unwrap().is_none());
    runs(&*store, NewPost { edited_ts: Some(ts(9)), ..asks(&key, 0, "now") }, at(11)).await;
    assert_eq!(receipt(&*store, asks(&key, 0, "before"), at(12)).await, Receipt::Known);
    assert_eq!(window(&*store, &key, at(12)).await, ["now"]);
    // In a thread that was not ours, whatever came of it first.
    let other = thread_of("T1", "C1", 20);
    let reply = |secs| NewPost { joined_only: true, ..asks(&other, secs, "before") };
    assert_eq!(receipt(&*store, NewPost { edited_ts: Some(ts(30)), ..reply(21) }, at(30)).await, Receipt::NotJoined);
    for _ in 0..2 {
        assert_eq!(receipt(&*store, reply(21), at(31)).await, Receipt::NotJoined);
    }
    let opened = store.receive(asks(&other, 20, "mention"), Some(&us()), at(32)).await.unwrap();
    assert_eq!(opened.passed, [ts(21)]);
    assert_eq!(receipt(&*store, reply(21), at(33)).await, Receipt::Outdated(ts(30)));
    // An edit leaves no mark where none is wanted, and none on what is gone.
    let unmarked = Edit { leaves_mark: false, ..edit(&other, 22, "secret", 40) };
    assert_eq!(store.amend(unmarked, at(40)).await.unwrap(), Amended::Unknown);
    assert!(matches!(receipt(&*store, reply(22), at(41)).await, Receipt::Waiting(_)));
    store.erase(&other.workspace, &other.channel, ts(23), at(41)).await.unwrap();
    assert_eq!(store.amend(edit(&other, 23, "secret", 42), at(42)).await.unwrap(), Amended::Gone);
    assert_eq!(receipt(&*store, reply(23), at(43)).await, Receipt::Gone);
}

pub(crate) async fn marks_of_posts_that_were_not_taken_in_are_forgotten(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    receipt(&*store, NewPost { joined_only: true, ..asks(&key, 1, "reply") }, at(1)).await;
    store.amend(edit(&key, 2, "edited", 3), at(3)).await.unwrap();
    store.expire(0, 10, at(90_100)).await.unwrap();
    let opened = store.receive(asks(&key, 0, "mention"), Some(&us()), at(90_100)).await.unwrap();
    assert_eq!(opened.passed, []);
    assert!(matches!(receipt(&*store, asks(&key, 2, "before"), at(90_101)).await, Receipt::Waiting(_)));
}
