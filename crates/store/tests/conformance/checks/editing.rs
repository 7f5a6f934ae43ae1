//! Edits: of what is known, before their post, and while a thread is read.

use chathakase_session::store::{Amended, Edit, NewPost, Receipt, Rules, SessionStore};

use crate::{kit::*, open::Open};

async fn amend(store: &dyn SessionStore, secs: i64, text: &str, edited: i64) -> Amended {
    store.amend(edit(&thread(), secs, text, edited), at(edited)).await.unwrap()
}

pub(crate) async fn an_edit_changes_the_text_and_the_later_one_wins(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "first"), at(0)).await;
    for (edited, text, result) in [
        (20, "second", Amended::Done),
        (20, "again", Amended::Old),
        (10, "out of order", Amended::Old),
        (30, "third", Amended::Done),
    ] {
        assert_eq!(amend(&*store, 0, text, edited).await, result, "{text}");
    }
    assert_eq!(window(&*store, &key, at(31)).await, ["third"]);
    // An edit of the question is not an edit of the answer that stands behind it.
    answers(&*store, &turn, "answer", at(31)).await;
    assert_eq!(amend(&*store, 0, "fourth", 40).await, Amended::Done);
    assert_eq!(window(&*store, &key, at(41)).await, ["fourth", "answer"]);
    assert_eq!(store.session(&key, at(41)).await.unwrap().unwrap().expires_at, Some(at(40) + HOUR));
    // A post that arrives with an edit already in it does not take an older one.
    receipt(&*store, NewPost { edited_ts: Some(ts(60)), ..tells(&key, 50, "edited") }, at(50)).await;
    assert_eq!(amend(&*store, 50, "older", 55).await, Amended::Old);
    store.erase(&key.workspace, &key.channel, ts(50), at(61)).await.unwrap();
    assert_eq!(amend(&*store, 50, "too late", 62).await, Amended::Gone);
    assert_eq!(amend(&*store, 0, "expired", 9000).await, Amended::Gone);
}

pub(crate) async fn an_edit_that_a_reading_is_too_old_for_has_the_thread_read_again(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 5, "mention"), at(5)).await;
    assert_eq!(amend(&*store, 1, "edited", 6).await, Amended::Unknown);
    store.learn(&turn.lease, read(vec![tells(&key, 1, "before")]), at(7)).await.unwrap();
    assert_eq!(window(&*store, &key, at(7)).await, ["before", "mention"]);
    receipt(&*store, asks(&key, 8, "and?"), at(8)).await;
    let next = answers(&*store, &turn, "yes", at(9)).await.unwrap();
    assert!(next.unread);
    let edited = NewPost { edited_ts: Some(ts(6)), ..tells(&key, 1, "edited") };
    assert_eq!(store.learn(&next.lease, read(vec![edited]), at(10)).await.unwrap().amended, 1);
    assert_eq!(window(&*store, &key, at(10)).await, ["edited", "mention", "yes", "and?"]);
    receipt(&*store, asks(&key, 11, "sure?"), at(11)).await;
    assert!(!answers(&*store, &next, "yes", at(12)).await.unwrap().unread);
}

pub(crate) async fn an_edit_is_the_post_while_its_thread_is_read(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let enters = |secs, text, edited| Edit { leaves_mark: false, enters: true, ..edit(&key, secs, text, edited) };
    let amend = async |edit, now| store.amend(edit, at(now)).await.unwrap();
    assert_eq!(amend(enters(1, "nobody reads yet", 4), 4).await, Amended::Unknown);
    let turn = runs(&*store, asks(&key, 5, "mention"), at(5)).await;
    assert_eq!(amend(enters(1, "second", 7), 7).await, Amended::Entered);
    assert_eq!(amend(enters(1, "first", 6), 7).await, Amended::Old);
    // What is no talk leaves its mark, whoever wrote it; a later edit may be talk again.
    assert_eq!(amend(Edit { enters: false, ..enters(2, "help", 7) }, 7).await, Amended::Unknown);
    assert_eq!(amend(enters(2, "earlier", 6), 7).await, Amended::Unknown);
    assert_eq!(amend(enters(2, "hello", 8), 8).await, Amended::Entered);
    store.erase(&key.workspace, &key.channel, ts(3), at(8)).await.unwrap();
    assert_eq!(amend(enters(3, "secret", 9), 9).await, Amended::Gone);
    let seen = [1, 2, 3, 4].map(|secs| tells(&key, secs, "as it was")).to_vec();
    assert_eq!(store.learn(&turn.lease, read(seen), at(9)).await.unwrap().new, 1);
    assert_eq!(window(&*store, &key, at(9)).await, ["second", "hello", "as it was", "mention"]);
    assert_eq!(store.session(&key, at(9)).await.unwrap().unwrap().user_messages, 4);
    // From now on it is read.
    assert_eq!(amend(enters(0, "not shown", 10), 10).await, Amended::Unknown);
    // It may still come, and ask; the edit has its words.
    assert!(matches!(receipt(&*store, asks(&key, 1, "first"), at(10)).await, Receipt::Waiting(_)));
    let next = answers(&*store, &turn, "yes", at(11)).await.unwrap();
    assert!(!next.unread);
    assert_eq!(window(&*store, &key, at(11)).await, ["second", "hello", "as it was", "mention", "yes"]);
}

pub(crate) async fn an_edit_of_what_expired_is_the_post_while_its_thread_is_read_again(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "first"), at(0)).await;
    receipt(&*store, tells(&key, 1, "aside"), at(1)).await;
    answers(&*store, &turn, "yes", at(2)).await;
    for (asked, swept) in [(9000, false), (18_000, true)] {
        if swept {
            store.expire(0, 10, at(asked)).await.unwrap();
        }
        let turn = runs(&*store, asks(&key, asked, "again"), at(asked)).await;
        for secs in [0, 1] {
            let edit = Edit { enters: true, ..edit(&key, secs, "edited", asked + 1) };
            assert_eq!(store.amend(edit, at(asked + 1)).await.unwrap(), Amended::Done);
        }
        let seen = vec![tells(&key, 0, "first"), tells(&key, 1, "aside")];
        assert_eq!(store.learn(&turn.lease, read(seen), at(asked + 2)).await.unwrap().new, 0);
        assert_eq!(window(&*store, &key, at(asked + 2)).await, ["edited", "edited", "again"]);
        assert_eq!(receipt(&*store, asks(&key, 0, "first"), at(asked + 3)).await, Receipt::Known);
        answers(&*store, &turn, "yes", at(asked + 4)).await;
    }
    // Nothing that was cleared comes back.
    let turn = runs(&*store, asks(&key, 27_000, "again"), at(27_000)).await;
    store.clear(&key, ts(1), at(27_001)).await.unwrap();
    let edit = Edit { enters: true, ..edit(&key, 1, "edited", 27_002) };
    assert_eq!(store.amend(edit, at(27_002)).await.unwrap(), Amended::Gone);
    store.learn(&turn.lease, read(Vec::new()), at(27_003)).await.unwrap();
    assert_eq!(window(&*store, &key, at(27_003)).await, ["again"]);
}

pub(crate) async fn an_edit_of_what_expired_keeps_the_older_text_out(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    receipt(&*store, tells(&key, 1, "aside"), at(1)).await;
    for (now, swept) in [(4000, false), (4002, true)] {
        if swept {
            store.expire(0, 10, at(now)).await.unwrap();
        }
        assert_eq!(amend(&*store, 1, "edited", now).await, Amended::Gone);
        // Taken for context before, and only now delivered: as it was.
        assert_eq!(receipt(&*store, asks(&key, 1, "aside"), at(now + 1)).await, Receipt::Outdated(ts(now)));
    }
    let edited = NewPost { edited_ts: Some(ts(4002)), ..asks(&key, 1, "edited") };
    runs(&*store, edited, at(4004)).await;
    assert_eq!(window(&*store, &key, at(4004)).await, ["edited"]);
}

pub(crate) async fn an_edit_of_what_expired_has_a_reading_that_is_too_old_done_again(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "first"), at(0)).await;
    answers(&*store, &turn, "yes", at(1)).await;
    // Its content is there still; then only its mark is.
    for (asked, swept) in [(9000, false), (18_000, true)] {
        if swept {
            store.expire(0, 10, at(asked)).await.unwrap();
        }
        let turn = runs(&*store, asks(&key, asked, "again"), at(asked)).await;
        assert_eq!(amend(&*store, 0, "edited", asked + 2).await, Amended::Gone);
        assert_eq!(amend(&*store, 0, "between", asked + 1).await, Amended::Gone);
        store.learn(&turn.lease, read(vec![tells(&key, 0, "first")]), at(asked + 3)).await.unwrap();
        receipt(&*store, asks(&key, asked + 4, "and?"), at(asked + 4)).await;
        let next = answers(&*store, &turn, "yes", at(asked + 5)).await.unwrap();
        assert!(next.unread, "{swept}");
        let edited = NewPost { edited_ts: Some(ts(asked + 2)), ..tells(&key, 0, "edited") };
        assert_eq!(store.learn(&next.lease, read(vec![edited]), at(asked + 6)).await.unwrap().amended, 1);
        assert_eq!(window(&*store, &key, at(asked + 6)).await.first().map(String::as_str), Some("edited"));
        answers(&*store, &next, "yes", at(asked + 7)).await;
        assert_eq!(receipt(&*store, asks(&key, 0, "first"), at(asked + 8)).await, Receipt::Known);
    }
}
