//! Deletions and clearing, and what a reading brings.

use chathakase_session::{
    store::{Cleared, Erased, History, Learned, NewPost, ReadBack, Receipt, Rules, SessionStore},
    turn::TurnState,
};

use crate::{kit::*, open::Open};

async fn erase(store: &dyn SessionStore, secs: i64, now: i64) -> Erased {
    let key = thread();
    store.erase(&key.workspace, &key.channel, ts(secs), at(now)).await.unwrap()
}

pub(crate) async fn a_post_erased_before_it_arrives_stays_out(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    assert_eq!(erase(&*store, 0, 1).await, Erased::Marked);
    assert_eq!(erase(&*store, 0, 1).await, Erased::Gone);
    assert_eq!(receipt(&*store, asks(&key, 0, "question"), at(2)).await, Receipt::Gone);
    assert!(store.session(&key, at(2)).await.unwrap().is_none());
    let turn = runs(&*store, asks(&key, 3, "other"), at(3)).await;
    assert_eq!(store.learn(&turn.lease, read(vec![tells(&key, 0, "question")]), at(4)).await.unwrap().new, 0);
    assert_eq!(window(&*store, &key, at(4)).await, ["other"]);
}

pub(crate) async fn an_erased_message_is_gone_and_never_comes_back(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "secret"), at(0)).await;
    receipt(&*store, by("U2BEN", "Ben", tells(&key, 1, "aside")), at(1)).await;
    assert_eq!(erase(&*store, 0, 2).await, Erased::Done { stops: Some(turn.turn.id) });
    assert_eq!(erase(&*store, 0, 3).await, Erased::Gone);
    for again in [asks(&key, 0, "secret"), tells(&key, 0, "secret")] {
        assert_eq!(receipt(&*store, again, at(3)).await, Receipt::Gone);
    }
    assert_eq!(store.learn(&turn.lease, read(vec![tells(&key, 0, "secret")]), at(3)).await.unwrap().new, 0);
    assert_eq!(window(&*store, &key, at(3)).await, ["aside"]);
    assert_eq!(texts(&store.messages(&key, 0, 10, at(3)).await.unwrap()), ["aside"]);
    // Who has nothing left in the session is not in it any more.
    let info = store.session(&key, at(3)).await.unwrap().unwrap();
    assert_eq!(
        (info.user_messages, info.people.keys().map(|user| user.as_str()).collect::<Vec<_>>()),
        (1, vec!["U2BEN"])
    );
    // The turn that runs goes on; its answer stands where the question stood.
    answers(&*store, &turn, "answer", at(4)).await;
    assert_eq!(window(&*store, &key, at(4)).await, ["answer", "aside"]);
}

pub(crate) async fn a_post_erased_after_its_session_expired_never_comes_back(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    receipt(&*store, tells(&key, 1, "secret"), at(1)).await;
    // Its time is over, and nothing has swept it yet.
    assert_eq!(erase(&*store, 1, 3601).await, Erased::Gone);
    // The session that begins now takes the place of the old one.
    let turn = runs(&*store, asks(&key, 2, "other"), at(3601)).await;
    store.expire(0, 10, at(3601)).await.unwrap();
    for again in [asks(&key, 1, "secret"), tells(&key, 1, "secret")] {
        assert_eq!(receipt(&*store, again, at(3602)).await, Receipt::Gone);
    }
    assert_eq!(store.learn(&turn.lease, read(vec![tells(&key, 1, "secret")]), at(3602)).await.unwrap().new, 0);
    assert_eq!(window(&*store, &key, at(3602)).await, ["other"]);
}

pub(crate) async fn a_waiting_turn_without_messages_is_dropped(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "one"), at(0)).await;
    receipt(&*store, asks(&key, 1, "two"), at(1)).await;
    receipt(&*store, asks(&key, 2, "three"), at(2)).await;
    erase(&*store, 1, 3).await;
    assert_eq!(store.session(&key, at(3)).await.unwrap().unwrap().waiting, 1);
    erase(&*store, 2, 3).await;
    assert_eq!(store.session(&key, at(3)).await.unwrap().unwrap().waiting, 0);
    assert!(answers(&*store, &turn, "answer", at(4)).await.is_none());
    assert!(store.claim(&us(), 10, at(100)).await.unwrap().is_empty());
    assert_eq!(store.session(&key, at(4)).await.unwrap().unwrap().expires_at, Some(at(4) + HOUR));
    assert_eq!(window(&*store, &key, at(4)).await, ["one", "answer"]);
}

pub(crate) async fn a_waiting_turn_knows_what_is_left_of_it(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "zero"), at(0)).await;
    for (user, secs) in [("U2BEN", 1), ("U3CAT", 2), ("U4DAN", 3)] {
        receipt(&*store, by(user, user, asks(&key, secs, &secs.to_string())), at(secs)).await;
    }
    erase(&*store, 1, 4).await;
    erase(&*store, 3, 4).await;
    let next = answers(&*store, &turn, "answer", at(5)).await.unwrap();
    assert_eq!((next.turn.first_ts, next.turn.last_ts), (ts(2), ts(2)));
    assert_eq!(next.turn.asker.unwrap().as_str(), "U3CAT");
}

pub(crate) async fn an_erased_command_is_not_carried_out(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    store.receive(commands(&key, 0, "help"), None, at(0)).await.unwrap();
    let running = runs(&*store, commands(&key, 1, "session info"), at(1)).await;
    assert_eq!(erase(&*store, 0, 2).await, Erased::Done { stops: None });
    assert_eq!(erase(&*store, 1, 2).await, Erased::Done { stops: None });
    assert!(store.claim(&us(), 10, at(3)).await.unwrap().is_empty());
    // What runs already is finished; its text is not there for a new owner.
    let adopted = store.claim(&process("other"), 10, at(31)).await.unwrap().remove(0);
    assert_eq!((adopted.turn.id, adopted.turn.state, adopted.command), (running.turn.id, TurnState::Running, None));
}

pub(crate) async fn the_last_message_takes_the_session_with_it(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    receipt(&*store, tells(&key, 1, "only this"), at(1)).await;
    erase(&*store, 1, 2).await;
    assert!(store.session(&key, at(2)).await.unwrap().is_none());
    assert!(!store.mark(&key, at(2)).await.unwrap().active);
    let received = store.receive(asks(&key, 3, "new"), Some(&us()), at(3)).await.unwrap();
    assert!(received.created);
}

pub(crate) async fn clearing_erases_up_to_the_moment_and_stays_joined(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    assert_eq!(store.clear(&key, ts(-1), at(0)).await.unwrap(), Cleared::default());
    let turn = runs(&*store, asks(&key, 0, "one"), at(0)).await;
    let next = answers(&*store, &turn, "answer", at(1)).await;
    assert!(next.is_none());
    let command = runs(&*store, commands(&key, 2, "clear session"), at(2)).await;
    receipt(&*store, tells(&key, 3, "later"), at(3)).await;
    assert_eq!(store.clear(&key, ts(2), at(4)).await.unwrap(), Cleared { messages: 2, waiting: 0 });
    assert_eq!(window(&*store, &key, at(4)).await, ["later"]);
    assert_eq!(texts(&store.messages(&key, 0, 10, at(4)).await.unwrap()), ["later"]);
    answers(&*store, &command, "cleared", at(5)).await;
    let mark = store.mark(&key, at(5)).await.unwrap();
    assert_eq!((mark.joined, mark.active, mark.cleared_before), (true, true, Some(ts(2))));
    let info = store.session(&key, at(5)).await.unwrap().unwrap();
    assert_eq!((info.user_messages, info.assistant_messages), (1, 0));
    // An earlier moment does not bring anything back.
    store.clear(&key, ts(1), at(6)).await.unwrap();
    assert_eq!(store.mark(&key, at(6)).await.unwrap().cleared_before, Some(ts(2)));
    store.clear(&key, ts(3), at(6)).await.unwrap();
    let mark = store.mark(&key, at(6)).await.unwrap();
    assert_eq!((mark.joined, mark.active), (true, false));
}

pub(crate) async fn what_was_said_before_a_clear_never_returns(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 2, "two"), at(2)).await;
    receipt(&*store, asks(&key, 3, "three"), at(3)).await;
    receipt(&*store, asks(&key, 4, "four"), at(4)).await;
    assert_eq!(store.clear(&key, ts(3), at(5)).await.unwrap(), Cleared { messages: 2, waiting: 1 });
    for late in [asks(&key, 1, "late"), tells(&key, 2, "two"), asks(&key, 3, "three")] {
        assert_eq!(receipt(&*store, late, at(6)).await, Receipt::Gone);
    }
    let back = vec![tells(&key, 1, "late"), tells(&key, 2, "two"), tells(&key, 5, "five")];
    assert_eq!(store.learn(&turn.lease, read(back), at(6)).await.unwrap().new, 1);
    assert_eq!(window(&*store, &key, at(6)).await, ["five"]);
    let next = answers(&*store, &turn, "answer to two", at(7)).await.unwrap();
    assert_eq!((next.turn.first_ts, next.turn.last_ts), (ts(4), ts(4)));
    assert!(!next.unread, "what came before was cleared, what comes after arrives by itself");
    assert_eq!(window(&*store, &key, at(7)).await, ["four", "five"]);
}

pub(crate) async fn an_answer_to_cleared_words_is_shown_and_forgotten(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    store.clear(&key, ts(1), at(1)).await.unwrap();
    store.close(&turn.lease, says("answer"), at(2)).await.unwrap();
    assert!(window(&*store, &key, at(2)).await.is_empty());
    // Its words are still there for whoever must bring them to the thread.
    let adopted = store.claim(&process("other"), 1, at(40)).await.unwrap().remove(0);
    assert_eq!(adopted.closing.unwrap().text, "answer");
    store.delivered(&adopted.lease, &[part(0, 3)], None, at(41)).await.unwrap();
    assert!(store.session(&key, at(41)).await.unwrap().is_none(), "nothing is left");
}

pub(crate) async fn clearing_between_closing_and_delivery_keeps_the_words_until_then(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    store.close(&turn.lease, says("answer"), at(1)).await.unwrap();
    assert_eq!(store.clear(&key, ts(0), at(2)).await.unwrap(), Cleared { messages: 2, waiting: 0 });
    assert!(window(&*store, &key, at(2)).await.is_empty());
    assert_eq!(store.session(&key, at(2)).await.unwrap().unwrap().assistant_messages, 0);
    let adopted = store.claim(&process("other"), 1, at(40)).await.unwrap().remove(0);
    assert_eq!(adopted.closing.as_ref().unwrap().text, "answer");
    store.delivered(&adopted.lease, &shown(), None, at(41)).await.unwrap();
    assert!(!store.mark(&key, at(41)).await.unwrap().active);
}

pub(crate) async fn clearing_by_a_command_closes_its_turn_in_the_same_step(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let answered = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    answers(&*store, &answered, "answer", at(1)).await;
    let command = runs(&*store, commands(&key, 2, "clear session"), at(2)).await;
    let says_so = |cleared: Cleared| says(&format!("{} gone", cleared.messages));
    let cleared = store.clear_and_close(&command.lease, ts(2), says_so, at(3)).await.unwrap();
    assert_eq!(cleared, Cleared { messages: 2, waiting: 0 });
    assert!(window(&*store, &key, at(3)).await.is_empty());
    // Whoever carries on knows what was done, though the command's own words are gone.
    let adopted = store.claim(&process("other"), 1, at(40)).await.unwrap().remove(0);
    assert_eq!((adopted.command, adopted.closing.unwrap().text), (None, "2 gone".to_owned()));
    // Done again by a mistake, the first closing stands.
    store.clear_and_close(&adopted.lease, ts(2), says_so, at(40)).await.unwrap();
    store.delivered(&adopted.lease, &[part(0, 3)], None, at(41)).await.unwrap();
    assert!(store.session(&key, at(41)).await.unwrap().is_none(), "nothing is left");
}

pub(crate) async fn a_running_turn_is_stopped_with_its_last_message(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let first = runs(&*store, asks(&key, 0, "zero"), at(0)).await;
    receipt(&*store, asks(&key, 1, "one"), at(1)).await;
    receipt(&*store, asks(&key, 2, "two"), at(2)).await;
    let running = answers(&*store, &first, "answer", at(3)).await.unwrap();
    assert_eq!(erase(&*store, 0, 4).await, Erased::Done { stops: None }, "it is answered already");
    assert_eq!(erase(&*store, 1, 4).await, Erased::Done { stops: None }, "the other is still there");
    assert_eq!(erase(&*store, 2, 4).await, Erased::Done { stops: Some(running.turn.id) });
    let adopted = store.claim(&process("other"), 1, at(40)).await.unwrap().remove(0);
    assert!(adopted.turn.stop_requested, "whoever carries it on knows");
}

pub(crate) async fn an_answer_is_retracted_with_any_of_its_parts(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    store.close(&turn.lease, says("answer"), at(1)).await.unwrap();
    store.part_open(&turn.lease, 0, chathakase_session::turn::PartMode::Stream, ts(2)).await.unwrap();
    assert!(!store.retract(&key, ts(2), at(2)).await.unwrap(), "what is being brought may lose parts by our own doing");
    store.delivered(&turn.lease, &[part(0, 2), part(1, 3)], None, at(3)).await.unwrap();
    assert!(!store.retract(&key, ts(4), at(4)).await.unwrap());
    assert!(store.retract(&key, ts(3), at(4)).await.unwrap());
    assert!(!store.retract(&key, ts(2), at(4)).await.unwrap());
    assert_eq!(window(&*store, &key, at(4)).await, ["question"]);
    let info = store.session(&key, at(4)).await.unwrap().unwrap();
    assert_eq!((info.user_messages, info.assistant_messages), (1, 0));
    // The part that still stands is not taken for something to be read back.
    let next = runs(&*store, asks(&key, 5, "next"), at(5)).await;
    let ours = NewPost { role: chathakase_session::Role::Assistant, ..tells(&key, 2, "answer") };
    assert_eq!(store.learn(&next.lease, read(vec![ours]), at(6)).await.unwrap(), Learned::default());
}

pub(crate) async fn an_answer_deleted_while_it_is_brought_is_forgotten_with_its_delivery(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    store.part_open(&turn.lease, 0, chathakase_session::turn::PartMode::Stream, ts(2)).await.unwrap();
    store.close(&turn.lease, says("answer"), at(2)).await.unwrap();
    assert_eq!(erase(&*store, 2, 3).await, Erased::Marked);
    store.delivered(&turn.lease, &[part(0, 2)], None, at(4)).await.unwrap();
    assert_eq!(window(&*store, &key, at(4)).await, ["question"]);
    let info = store.session(&key, at(4)).await.unwrap().unwrap();
    assert_eq!((info.user_messages, info.assistant_messages), (1, 0));
}

pub(crate) async fn an_answer_of_which_the_thread_shows_nothing_was_not_said(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    store.close(&turn.lease, says("answer"), at(2)).await.unwrap();
    store.delivered(&turn.lease, &[], None, at(4)).await.unwrap();
    assert_eq!(window(&*store, &key, at(4)).await, ["question"]);
}

pub(crate) async fn a_reading_finds_the_last_answer_deleted_unless_it_is_too_young(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    store.close(&turn.lease, says("answer"), at(2)).await.unwrap();
    store.delivered(&turn.lease, &[part(0, 2)], None, at(4)).await.unwrap();
    let shows = |began| whole(vec![tells(&key, 0, "question")], began);
    assert_eq!(store.reconcile(&key, shows(61), at(61)).await.unwrap().erased, 0);
    assert_eq!(store.reconcile(&key, shows(63), at(63)).await.unwrap().erased, 1);
    assert_eq!(window(&*store, &key, at(63)).await, ["question"]);
}

pub(crate) async fn a_first_post_that_asks_after_others_has_its_thread_read(open: Open) {
    let store = open(Rules::default());
    let first = thread();
    assert!(!runs(&*store, asks(&first, 0, "mention"), at(0)).await.unread);
    let edited = thread_of("T1", "C2", 0);
    let edit = NewPost { asked_by_edit: Some(ts(5)), ..asks(&edited, 0, "now a mention") };
    assert!(runs(&*store, edit, at(5)).await.unread);
    let late = thread_of("T1", "C3", 0);
    let turn = runs(&*store, asks(&late, 3, "mention"), at(3)).await;
    answers(&*store, &turn, "answer", at(4)).await;
    assert!(runs(&*store, asks(&late, 0, "older mention"), at(9000)).await.unread);
}

pub(crate) async fn the_answer_to_cleared_words_is_not_read_back(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    store.clear(&key, ts(1), at(1)).await.unwrap();
    store.close(&turn.lease, says("answer"), at(2)).await.unwrap();
    store.delivered(&turn.lease, &[part(0, 2)], None, at(3)).await.unwrap();
    let next = runs(&*store, asks(&key, 5, "next"), at(5)).await;
    let ours = NewPost { role: chathakase_session::Role::Assistant, ..tells(&key, 2, "answer") };
    assert_eq!(store.learn(&next.lease, read(vec![ours]), at(6)).await.unwrap(), Learned::default());
    assert_eq!(window(&*store, &key, at(6)).await, ["next"]);
}

pub(crate) async fn a_reading_never_takes_away_the_question_it_is_for(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    receipt(&*store, tells(&key, 0, "context"), at(0)).await;
    let turn = runs(&*store, asks(&key, 1, "question"), at(1)).await;
    let learned = store.learn(&turn.lease, whole(Vec::new(), 62), at(2)).await.unwrap();
    assert_eq!(learned, Learned { erased: 1, ..Learned::default() });
    assert_eq!(window(&*store, &key, at(2)).await, ["question"]);
    assert!(!store.claim(&process("other"), 1, at(40)).await.unwrap().remove(0).turn.stop_requested);
}

pub(crate) async fn a_reading_brings_edits_and_deletions_that_were_missed(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    store.close(&turn.lease, says("answer"), at(1)).await.unwrap();
    store.delivered(&turn.lease, &[part(0, 2)], None, at(1)).await.unwrap();
    for (secs, text) in [(3, "three"), (4, "four"), (5, "five")] {
        receipt(&*store, tells(&key, secs, text), at(secs)).await;
    }
    let edited = |secs, text, edited| NewPost { edited_ts: Some(ts(edited)), ..tells(&key, secs, text) };
    let now = vec![edited(0, "question!", 6), edited(3, "three!", 6), tells(&key, 7, "unknown")];
    let bounded = store.reconcile(&key, read(now.clone()), at(8)).await.unwrap();
    assert_eq!(bounded, Learned { amended: 2, ..Learned::default() }, "a reading that is not whole proves no deletion");
    assert_eq!(store.reconcile(&key, read(now.clone()), at(8)).await.unwrap(), Learned::default());
    assert_eq!(window(&*store, &key, at(8)).await, ["question!", "answer", "three!", "four", "five"]);
    let whole_of_it = whole(now, 8);
    assert_eq!(store.reconcile(&key, whole_of_it, at(8)).await.unwrap(), Learned { erased: 3, ..Learned::default() });
    assert_eq!(window(&*store, &key, at(8)).await, ["question!", "three!"]);
    for gone in [asks(&key, 4, "four"), asks(&key, 5, "five")] {
        assert_eq!(receipt(&*store, gone, at(9)).await, Receipt::Gone);
    }
}

pub(crate) async fn what_came_while_a_thread_was_read_is_not_taken_for_deleted(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    runs(&*store, asks(&key, 0, "question"), at(0)).await;
    for (secs, stored) in [(1, 1), (2, 65), (4, 4), (6, 66)] {
        receipt(&*store, tells(&key, secs, &secs.to_string()), at(stored)).await;
    }
    // Begun at second 64: what was stored before, and posted a minute before, was there; of the rest only what is older than the
    // newest seen.
    let seen = whole(vec![tells(&key, 0, "question")], 64);
    assert_eq!(store.reconcile(&key, seen, at(67)).await.unwrap().erased, 1);
    assert_eq!(window(&*store, &key, at(67)).await, ["question", "2", "4", "6"]);
    let seen = whole(vec![tells(&key, 0, "question"), tells(&key, 6, "6")], 64);
    assert_eq!(store.reconcile(&key, seen, at(67)).await.unwrap().erased, 2);
    assert_eq!(window(&*store, &key, at(67)).await, ["question", "6"]);
}

pub(crate) async fn a_new_answer_is_not_taken_for_deleted_where_our_clock_is_ahead(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(600)).await;
    store.close(&turn.lease, says("answer"), at(601)).await.unwrap();
    store.delivered(&turn.lease, &[part(0, 2)], Some(&us()), at(602)).await.unwrap();
    let seen = |slack_now| ReadBack { began_by_slack: at(slack_now), ..whole(vec![tells(&key, 0, "question")], 700) };
    assert_eq!(store.reconcile(&key, seen(62), at(701)).await.unwrap().erased, 0);
    assert_eq!(store.reconcile(&key, seen(63), at(702)).await.unwrap().erased, 1);
}

pub(crate) async fn a_reading_from_the_middle_finds_deleted_answers_to_what_was_said_before(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    // A question, one while it is answered, and one while that is.
    let mut turn = runs(&*store, asks(&key, 0, "first"), at(0)).await;
    for secs in [1, 4] {
        receipt(&*store, asks(&key, secs, "next"), at(secs)).await;
        store.close(&turn.lease, says("answer"), at(secs + 1)).await.unwrap();
        let posted = [part(0, secs + 1)];
        turn = store.delivered(&turn.lease, &posted, Some(&us()), at(secs + 2)).await.unwrap().unwrap();
    }
    let middle = |stood: &[i64]| ReadBack {
        stood: stood.iter().map(|secs| ts(*secs)).collect(),
        whole_from: Some(ts(2)),
        ..whole(Vec::new(), 100)
    };
    assert_eq!(store.reconcile(&key, middle(&[2, 4, 5]), at(100)).await.unwrap().erased, 0);
    assert_eq!(store.reconcile(&key, middle(&[4]), at(100)).await.unwrap().erased, 2);
    assert_eq!(window(&*store, &key, at(100)).await, ["first", "next", "next"]);
}

pub(crate) async fn a_question_that_a_reading_brings_is_its_turns(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let reply = |secs, text: &str| NewPost { joined_only: true, ..asks(&key, secs, text) };
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    answers(&*store, &turn, "answer", at(1)).await;
    let turn = runs(&*store, reply(5000, "later"), at(5000)).await;
    let back =
        vec![asks(&key, 0, "question"), reply(4000, "missed"), tells(&key, 4001, "to others"), reply(5001, "newer")];
    assert_eq!(store.learn(&turn.lease, read(back), at(5002)).await.unwrap().new, 4);
    assert_eq!(window(&*store, &key, at(5002)).await, ["question", "missed", "to others", "later", "newer"]);
    // Whoever brings them now comes too late, also after a kill.
    for again in [reply(4000, "missed"), reply(5001, "newer")] {
        assert_eq!(receipt(&*store, again, at(5003)).await, Receipt::Known);
    }
    assert_eq!(erase(&*store, 5000, 5004).await, Erased::Done { stops: None });
    assert_eq!(erase(&*store, 5001, 5004).await, Erased::Done { stops: None });
    answers(&*store, &turn, "both", at(5005)).await;
    let said = store.messages(&key, 0, 10, at(5006)).await.unwrap();
    assert_eq!(said.iter().filter(|message| message.turn == Some(turn.turn.id)).count(), 2);
    assert_eq!(window(&*store, &key, at(5006)).await, ["question", "missed", "to others", "both"]);
}

pub(crate) async fn what_was_not_for_us_or_comes_to_a_stopped_turn_is_no_question_of_its(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let reply = |secs| NewPost { joined_only: true, ..asks(&key, secs, "reply") };
    let turn = runs(&*store, asks(&key, 10, "mention"), at(10)).await;
    let back = vec![reply(5), asks(&key, 6, "older mention")];
    assert_eq!(store.learn(&turn.lease, read(back), at(11)).await.unwrap().new, 2);
    assert_eq!(receipt(&*store, reply(5), at(12)).await, Receipt::NotJoined);
    assert_eq!(receipt(&*store, asks(&key, 6, "older mention"), at(12)).await, Receipt::Known);
    answers(&*store, &turn, "answer", at(13)).await;
    let next = runs(&*store, reply(5000), at(5000)).await;
    erase(&*store, 5000, 5001).await;
    assert_eq!(store.learn(&next.lease, read(vec![reply(4000)]), at(5002)).await.unwrap().new, 1);
    assert!(matches!(receipt(&*store, reply(4000), at(5003)).await, Receipt::Waiting(_)));
}

pub(crate) async fn a_question_that_a_reading_brings_is_shown_however_much_was_said_since(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 40, "later"), at(40)).await;
    let mut back = vec![asks(&key, 1, "missed")];
    back.extend((10..35).map(|secs| tells(&key, secs, "to others")));
    assert_eq!(store.learn(&turn.lease, read(back), at(41)).await.unwrap().questions, 1);
    let History { newest, first, left_out, .. } = store.history(&key, Some(turn.turn.id), 20, at(41)).await.unwrap();
    assert_eq!(texts(&newest)[18..], ["to others", "missed", "later"]);
    assert_eq!((newest.len(), first, left_out), (21, None, 6));
}

pub(crate) async fn of_more_questions_than_a_window_shows_a_reading_leaves_some_to_be_asked_when_they_come(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 40, "later"), at(40)).await;
    let back = [1, 2, 3].map(|secs| asks(&key, secs, "missed")).to_vec();
    let learned = store.learn(&turn.lease, ReadBack { questions_max: 3, ..read(back) }, at(41)).await.unwrap();
    assert_eq!((learned.new, learned.questions), (3, 2));
    let shown = store.history(&key, Some(turn.turn.id), 3, at(41)).await.unwrap().newest;
    let asked = shown.iter().filter(|message| message.turn == Some(turn.turn.id));
    assert_eq!(asked.map(|message| message.ts).collect::<Vec<_>>(), [ts(1), ts(2), ts(40)]);
    for known in [1, 2] {
        assert_eq!(receipt(&*store, asks(&key, known, "missed"), at(42)).await, Receipt::Known);
    }
    assert!(matches!(receipt(&*store, asks(&key, 3, "missed"), at(42)).await, Receipt::Waiting(_)));
}

pub(crate) async fn an_older_mention_that_a_reading_brings_opens_the_thread_from_there_on(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let reply = |secs| NewPost { joined_only: true, ..asks(&key, secs, "reply") };
    assert_eq!(receipt(&*store, reply(7), at(7)).await, Receipt::NotJoined);
    let turn = runs(&*store, asks(&key, 10, "mention"), at(10)).await;
    receipt(&*store, NewPost { by_bot: true, ..asks(&key, 11, "bot") }, at(11)).await;
    let back = vec![asks(&key, 6, "older mention"), tells(&key, 7, "reply"), tells(&key, 8, "reply")];
    assert_eq!(store.learn(&turn.lease, read(back), at(12)).await.unwrap().questions, 1);
    let mark = store.mark(&key, at(12)).await.unwrap();
    assert_eq!((mark.joined_from, mark.bots_in_row), (Some(ts(6)), 0));
    // Its event brings the reply that was passed over; that of the other is still to come.
    let mention = store.receive(asks(&key, 6, "older mention"), None, at(13)).await.unwrap();
    assert_eq!((mention.receipt, mention.passed), (Receipt::Known, vec![ts(7)]));
    for secs in [7, 8] {
        assert!(matches!(receipt(&*store, reply(secs), at(13)).await, Receipt::Waiting(_)));
    }
}
