//! Turns, from the question to the delivered answer.

use chathakase_session::{
    Role,
    message::Ending,
    store::{Closing, Receipt, Rules, StoreError},
    turn::{Claimant, Delivery, Outcome, Part, PartMode, PartState, TurnKind, TurnState},
};

use crate::{kit::*, open::Open};

pub(crate) async fn three_quick_messages_give_two_turns_in_order(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let first = runs(&*store, asks(&key, 0, "one"), at(0)).await;
    let second = receipt(&*store, asks(&key, 1, "two"), at(1)).await;
    assert_eq!(receipt(&*store, asks(&key, 2, "three"), at(2)).await, second);
    assert_eq!(store.session(&key, at(2)).await.unwrap().unwrap().waiting, 2);

    let next = answers(&*store, &first, "answer to one", at(3)).await.unwrap();
    assert_eq!(Receipt::Waiting(next.turn.id), second);
    assert_eq!((next.turn.first_ts, next.turn.last_ts), (ts(1), ts(2)));
    assert_eq!((next.turn.state, next.turn.started_at, next.adopted), (TurnState::Running, Some(at(3)), false));
    assert!(next.lease.fence > first.lease.fence);
    assert_eq!(store.session(&key, at(3)).await.unwrap().unwrap().waiting, 0);
    let history = store.history(&key, Some(next.turn.id), 20, at(3)).await.unwrap();
    assert_eq!(texts(&history.newest), ["one", "answer to one", "two", "three"]);

    assert!(answers(&*store, &next, "answer to both", at(4)).await.is_none());
    assert_eq!(window(&*store, &key, at(4)).await, ["one", "answer to one", "two", "three", "answer to both"]);
    let info = store.session(&key, at(4)).await.unwrap().unwrap();
    assert_eq!((info.user_messages, info.assistant_messages), (3, 2));
    assert_eq!((info.expires_at, info.model.as_deref()), (Some(at(4) + HOUR), Some("test-1")));
}

pub(crate) async fn commands_do_not_wait_and_enter_no_window(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let answer = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    let command = runs(&*store, by("U2BEN", "Ben", commands(&key, 1, "session info")), at(1)).await;
    assert_eq!((command.turn.kind, command.command.as_deref()), (TurnKind::Command, Some("session info")));
    // One that nobody has room for is claimed later, with its text, and does not hold up the queue.
    let left = store.receive(commands(&key, 2, "help"), None, at(2)).await.unwrap().receipt;
    let claimed = store.claim(&us(), 10, at(2)).await.unwrap();
    assert_eq!(Receipt::Waiting(claimed[0].turn.id), left);
    assert_eq!((claimed.len(), claimed[0].command.as_deref()), (1, Some("help")));

    assert!(answers(&*store, &command, "two people", at(3)).await.is_none());
    answers(&*store, &answer, "answer", at(3)).await;
    assert!(store.session(&key, at(3)).await.unwrap().unwrap().expires_at.is_none(), "a command is still open");
    answers(&*store, &claimed[0], "all commands", at(4)).await;
    assert_eq!(window(&*store, &key, at(4)).await, ["question", "answer"]);
    let info = store.session(&key, at(4)).await.unwrap().unwrap();
    assert_eq!((info.user_messages, info.assistant_messages), (1, 1));
    assert_eq!(info.people.keys().map(|user| user.as_str()).collect::<Vec<_>>(), ["U1ANA"]);
    assert_eq!(info.expires_at, Some(at(4) + HOUR));
}

pub(crate) async fn a_turn_answers_from_its_first_to_its_last_message_whatever_their_order(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let running = runs(&*store, asks(&key, 0, "zero"), at(0)).await;
    for (user, secs) in [("U2BEN", 5), ("U3CAT", 9), ("U1ANA", 3)] {
        receipt(&*store, by(user, user, asks(&key, secs, &secs.to_string())), at(10)).await;
    }
    let next = answers(&*store, &running, "answer", at(11)).await.unwrap();
    assert_eq!((next.turn.first_ts, next.turn.last_ts), (ts(3), ts(9)));
    assert_eq!(next.turn.asker.as_ref().map(|user| user.as_str()), Some("U1ANA"));
    assert_eq!(next.turn.asker_team.as_ref().map(|team| team.as_str()), Some("T1"));
    answers(&*store, &next, "answer to all", at(12)).await;
    assert_eq!(window(&*store, &key, at(12)).await, ["zero", "answer", "3", "5", "9", "answer to all"]);
}

pub(crate) async fn a_second_closing_is_ignored(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    store.close(&turn.lease, says("first"), at(1)).await.unwrap();
    store.close(&turn.lease, says("second"), at(2)).await.unwrap();
    store.delivered(&turn.lease, &[part(0, 2)], None, at(3)).await.unwrap();
    assert_eq!(window(&*store, &key, at(3)).await, ["question", "first"]);
    assert!(matches!(store.close(&turn.lease, says("third"), at(4)).await, Err(StoreError::LeaseLost { .. })));
}

pub(crate) async fn a_failed_turn_says_nothing_in_the_session(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    let failure = Closing {
        outcome: Outcome::Failed,
        text: String::new(),
        note: Some("the model is away".to_owned()),
        model: None,
        ..says("")
    };
    store.close(&turn.lease, failure, at(1)).await.unwrap();
    store.delivered(&turn.lease, &shown(), None, at(1)).await.unwrap();
    assert_eq!(window(&*store, &key, at(2)).await, ["question"]);
    let next = runs(&*store, asks(&key, 3, "again"), at(3)).await;
    answers(&*store, &next, "now", at(4)).await;
    assert_eq!(window(&*store, &key, at(4)).await, ["question", "again", "now"]);
}

pub(crate) async fn the_words_before_a_cut_stay_with_their_ending(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    let cut =
        Closing { outcome: Outcome::Failed, ending: Ending::Cut, note: Some("cut".to_owned()), ..says("half an") };
    store.close(&turn.lease, cut, at(1)).await.unwrap();
    let history = store.history(&key, None, 20, at(1)).await.unwrap();
    let answer = history.newest.last().unwrap();
    assert_eq!((answer.text.as_str(), answer.ending, answer.role), ("half an", Ending::Cut, Role::Assistant));
    assert_eq!((answer.ts, answer.turn, answer.author.clone()), (ts(0), Some(turn.turn.id), None));
}

pub(crate) async fn a_turn_that_is_not_closed_cannot_be_delivered(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    let error = store.delivered(&turn.lease, &shown(), Some(&us()), at(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::LeaseLost { .. }) && !error.is_retryable());
    answers(&*store, &turn, "answer", at(2)).await;
    assert_eq!(window(&*store, &key, at(2)).await, ["question", "answer"]);
}

pub(crate) async fn delivery_leaves_the_next_turn_to_whoever_claims_it(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "one"), at(0)).await;
    receipt(&*store, asks(&key, 1, "two"), at(1)).await;
    assert!(store.claim(&us(), 10, at(2)).await.unwrap().is_empty(), "it waits behind a running turn");
    store.close(&turn.lease, says("answer"), at(3)).await.unwrap();
    assert!(store.claim(&us(), 10, at(3)).await.unwrap().is_empty(), "it waits until the thread shows the answer");
    assert!(store.delivered(&turn.lease, &shown(), None, at(4)).await.unwrap().is_none());
    let claimed = store.claim(&us(), 10, at(4)).await.unwrap();
    assert_eq!((claimed.len(), claimed[0].turn.first_ts, claimed[0].adopted), (1, ts(1), false));
}

pub(crate) async fn parts_are_known_to_a_new_owner(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    let first = Part { index: 0, mode: PartMode::Stream, state: PartState::Intended, ts: None, hash: 0 };
    assert_eq!(turn.parts, [first], "the commit that sets a turn running says that its first part may exist");
    assert_eq!(turn.turn.delivery, Delivery::Pending);
    let lease = &turn.lease;
    store.part_open(lease, 0, PartMode::Update, ts(1)).await.unwrap();
    store.part_done(lease, 0, u64::MAX).await.unwrap();
    store.part_intended(lease, 1, PartMode::Single).await.unwrap();
    // A part that stands is not forgotten because somebody means to make it.
    store.part_intended(lease, 0, PartMode::Single).await.unwrap();
    let adopted = store.claim(&process("other"), 1, at(31)).await.unwrap();
    let parts = [
        Part { index: 0, mode: PartMode::Update, state: PartState::Done, ts: Some(ts(1)), hash: u64::MAX },
        Part { index: 1, mode: PartMode::Single, state: PartState::Intended, ts: None, hash: 0 },
    ];
    assert_eq!(adopted[0].parts, parts);
}

pub(crate) async fn a_turn_comes_with_its_history(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let first = runs(&*store, asks(&key, 0, "one"), at(0)).await;
    assert_eq!(first.history, Some(store.history(&key, Some(first.turn.id), 20, at(0)).await.unwrap()));
    assert_eq!(texts(&first.history.unwrap().newest), ["one"]);

    // What waits for a later turn is not in it, and it holds no more than is wanted.
    let command = runs(&*store, commands(&key, 1, "help"), at(1)).await;
    assert_eq!(command.history, None);
    receipt(&*store, asks(&key, 2, "two"), at(2)).await;
    store.close(&first.lease, says("answer"), at(3)).await.unwrap();
    let two_wanted = Claimant { history_max: 2, ..us() };
    let next = store.delivered(&first.lease, &shown(), Some(&two_wanted), at(3)).await.unwrap().unwrap();
    assert_eq!(next.history, Some(store.history(&key, Some(next.turn.id), 2, at(3)).await.unwrap()));
    assert_eq!(texts(&next.history.unwrap().newest), ["answer", "two"]);

    let other = thread_of("T1", "C2", 0);
    let none_wanted = Claimant { history_max: 0, ..us() };
    let Receipt::Run(claimed) = store.receive(asks(&other, 0, "one"), Some(&none_wanted), at(4)).await.unwrap().receipt
    else {
        panic!("nothing runs there")
    };
    assert_eq!(claimed.history, None);
    // Earlier posts of this thread belong to its history and were not read yet.
    let unread = runs(&*store, asks(&thread_of("T1", "C3", 0), 5, "later"), at(5)).await;
    assert_eq!((unread.unread, unread.history), (true, None));
}
