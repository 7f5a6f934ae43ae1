//! What readers see.

use std::collections::BTreeSet;

use chathakase_session::{
    Kind, Message,
    store::{History, Load, NewPost, Page, Rules, SessionStore, Stats, StoreError, ThreadMark},
    turn::{Lease, TurnId},
};

use crate::{kit::*, open::Open};

pub(crate) async fn history_is_in_window_order_whatever_the_order_of_arrival(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 5, "five"), at(5)).await;
    receipt(&*store, tells(&key, 3, "three"), at(6)).await;
    receipt(&*store, tells(&key, 7, "seven"), at(7)).await;
    answers(&*store, &turn, "answer to five", at(8)).await;
    receipt(&*store, tells(&key, 6, "six"), at(9)).await;
    let history = store.history(&key, None, 20, at(9)).await.unwrap();
    assert_eq!(texts(&history.newest), ["three", "five", "answer to five", "six", "seven"]);
    assert_eq!(history.newest.iter().map(|message| message.seq).collect::<Vec<_>>(), [2, 1, 4, 5, 3]);
    assert_eq!(texts(&store.messages(&key, 0, 10, at(9)).await.unwrap())[..2], ["five", "three"]);
}

pub(crate) async fn history_keeps_the_newest_the_first_and_the_count_of_the_rest(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    for secs in 0..10 {
        receipt(&*store, tells(&key, secs, &secs.to_string()), at(secs)).await;
    }
    for (limit, newest, first, left_out) in [
        (3, vec!["7", "8", "9"], Some("0"), 6),
        (9, vec!["1", "2", "3", "4", "5", "6", "7", "8", "9"], Some("0"), 0),
        (10, vec!["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], None, 0),
        (0, vec![], Some("0"), 9),
    ] {
        let history = store.history(&key, None, limit, at(10)).await.unwrap();
        let shown = (texts(&history.newest), history.first.as_ref().map(|first| first.text.as_str()), history.left_out);
        assert_eq!(shown, (newest, first, left_out), "{limit}");
    }
}

pub(crate) async fn history_hides_what_waits_for_a_later_turn(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "one"), at(0)).await;
    receipt(&*store, asks(&key, 1, "two"), at(1)).await;
    receipt(&*store, tells(&key, 2, "told"), at(2)).await;
    for of in [Some(turn.turn.id), None] {
        let history = store.history(&key, of, 20, at(3)).await.unwrap();
        assert_eq!((texts(&history.newest), history.left_out), (vec!["one", "told"], 0));
    }
    let history = store.history(&key, None, 1, at(3)).await.unwrap();
    assert_eq!(
        (texts(&history.newest), history.first.unwrap().text.as_str(), history.left_out),
        (vec!["told"], "one", 0)
    );
    // What a turn is to answer is never too old for its own history.
    let history = store.history(&key, Some(turn.turn.id), 1, at(3)).await.unwrap();
    assert_eq!((texts(&history.newest), history.first, history.left_out), (vec!["told", "one"], None, 0));
    let next = answers(&*store, &turn, "answer", at(4)).await.unwrap();
    let history = store.history(&key, Some(next.turn.id), 20, at(4)).await.unwrap();
    assert_eq!(texts(&history.newest), ["one", "answer", "two", "told"]);
}

pub(crate) async fn messages_come_by_page_with_commands(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    receipt(&*store, tells(&key, 0, "told"), at(0)).await;
    receipt(&*store, commands(&key, 1, "help"), at(1)).await;
    let turn = runs(&*store, asks(&key, 2, "question"), at(2)).await;
    answers(&*store, &turn, "answer", at(3)).await;
    let first: Vec<Message> = store.messages(&key, 0, 3, at(4)).await.unwrap();
    assert_eq!(texts(&first), ["told", "help", "question"]);
    assert_eq!(first.iter().map(|m| m.kind).collect::<Vec<_>>(), [Kind::Context, Kind::Command, Kind::Accepted]);
    assert_eq!((first[0].turn, first[2].turn, first[2].at), (None, Some(turn.turn.id), at(2)));
    assert_eq!(first[2].author.as_ref().unwrap().as_str(), "U1ANA");
    let rest = store.messages(&key, first[2].seq, 3, at(4)).await.unwrap();
    assert_eq!(texts(&rest), ["answer"]);
    assert!(store.messages(&key, rest[0].seq, 3, at(4)).await.unwrap().is_empty());
}

pub(crate) async fn sessions_come_newest_first_by_page(open: Open) {
    let store = open(Rules::default());
    for n in 0..7 {
        let workspace = if n % 2 == 0 { "T1" } else { "T2" };
        receipt(&*store, tells(&thread_of(workspace, "C1", n), n, "hi"), at(n)).await;
    }
    let page = async |workspace: Option<&str>, number, size| {
        let page = Page { workspace: workspace.map(|id| id.parse().unwrap()), number, size };
        let infos = store.sessions(&page, at(10)).await.unwrap();
        infos.into_iter().map(|info| info.key.root.as_micros() / 1_000_000 - 1_700_000_000).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 0, 3).await, [6, 5, 4]);
    assert_eq!(page(None, 2, 3).await, [0]);
    assert_eq!(page(None, 3, 3).await, [0; 0]);
    assert_eq!(page(None, usize::MAX, usize::MAX).await, [0; 0]);
    assert_eq!(page(Some("T2"), 0, 100).await, [5, 3, 1]);
    // Activity moves a session to the front; expiry takes it off.
    receipt(&*store, tells(&thread_of("T1", "C1", 0), 8, "again"), at(8)).await;
    assert_eq!(page(None, 0, 2).await, [0, 6]);
    let late = Page { workspace: None, number: 0, size: 10 };
    assert_eq!(store.sessions(&late, at(6) + HOUR).await.unwrap().len(), 1);
}

pub(crate) async fn statistics_count_what_is_active(open: Open) {
    let store = open(Rules::default());
    assert_eq!(store.stats(None, at(0)).await.unwrap(), Stats::default());
    let turn = runs(&*store, asks(&thread_of("T1", "C1", 0), 0, "question"), at(0)).await;
    answers(&*store, &turn, "answer", at(1)).await;
    receipt(&*store, by("U2BEN", "Ben", tells(&thread_of("T1", "C2", 0), 0, "told")), at(5)).await;
    receipt(&*store, by("U2BEN", "Ben", commands(&thread_of("T1", "C2", 0), 1, "help")), at(5)).await;
    receipt(&*store, tells(&thread_of("T2", "C1", 0), 0, "told"), at(9)).await;
    let all = Stats { active_sessions: 3, messages: 4, participants: 2, oldest: Some(at(0)), newest: Some(at(9)) };
    assert_eq!(store.stats(None, at(10)).await.unwrap(), all);
    let first = Stats { active_sessions: 2, messages: 3, newest: Some(at(5)), ..all };
    assert_eq!(store.stats(Some(&"T1".parse().unwrap()), at(10)).await.unwrap(), first);
    // The first session is over; the second has an open turn, the third is younger.
    let left = Stats { active_sessions: 2, messages: 2, participants: 2, oldest: Some(at(5)), newest: Some(at(9)) };
    assert_eq!(store.stats(None, at(1) + HOUR).await.unwrap(), left);
}

pub(crate) async fn an_unknown_thread_has_nothing(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    assert_eq!(store.mark(&key, at(0)).await.unwrap(), ThreadMark::default());
    assert_eq!(store.session(&key, at(0)).await.unwrap(), None);
    assert_eq!(store.history(&key, None, 20, at(0)).await.unwrap(), History::default());
    assert!(store.messages(&key, 0, 20, at(0)).await.unwrap().is_empty());
    store.counted(&key, &[count(1, 1, 1)]).await.unwrap();
    store.check().await.unwrap();
}

pub(crate) async fn the_greatest_numbers_are_taken(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    let many = usize::MAX;
    assert_eq!(store.history(&key, Some(TurnId(u64::MAX)), many, at(0)).await.unwrap().newest.len(), 1);
    assert_eq!(store.messages(&key, 0, many, at(0)).await.unwrap().len(), 1);
    assert!(store.messages(&key, u64::MAX, many, at(0)).await.unwrap().is_empty());
    store.counted(&key, &[count(u64::MAX, usize::MAX, u32::MAX)]).await.unwrap();
    assert_eq!(store.expire(many, many, at(0)).await.unwrap().sessions, 0);
    assert!(store.claim(&process("other"), many, at(0)).await.unwrap().is_empty());
    let strange = Lease { turn: TurnId(u64::MAX), ..turn.lease };
    assert!(matches!(store.close(&strange, says("answer"), at(0)).await, Err(StoreError::LeaseLost { .. })));
}

pub(crate) async fn the_load_counts_no_more_sessions_than_it_may(open: Open) {
    let store = open(Rules { sessions_counted_max: 2, ..Rules::default() });
    for (n, counted) in [(0, 1), (1, 2), (2, 2), (3, 2)] {
        let turn = runs(&*store, asks(&thread_of("T1", "C1", n), n, "question"), at(n)).await;
        assert_eq!(store.load(at(n)).await.unwrap().active_sessions, counted, "with an open turn");
        answers(&*store, &turn, "answer", at(n)).await;
        assert_eq!(store.load(at(n)).await.unwrap().active_sessions, counted);
    }
}

pub(crate) async fn the_load_counts_what_runs_and_what_waits(open: Open) {
    let store = open(Rules::default());
    let (key, other, third) = (thread(), thread_of("T1", "C2", 0), thread_of("T2", "C1", 0));
    let load = async |secs| {
        let Load { active_sessions, turns_running, turns_waiting, messages_waiting } =
            store.load(at(secs)).await.unwrap();
        [active_sessions, turns_running, turns_waiting, messages_waiting]
    };
    assert_eq!(load(0).await, [0, 0, 0, 0]);
    let turn = runs(&*store, asks(&key, 0, "runs"), at(0)).await;
    assert_eq!(load(0).await, [1, 1, 0, 0]);
    receipt(&*store, asks(&key, 1, "waits behind it"), at(1)).await;
    receipt(&*store, asks(&key, 2, "and this with it"), at(1)).await;
    receipt(&*store, tells(&other, 0, "only told"), at(1)).await;
    store.receive(asks(&third, 0, "waits for a process with room"), None, at(1)).await.unwrap();
    assert_eq!(load(1).await, [3, 1, 2, 3]);
    let command = runs(&*store, commands(&key, 3, "help"), at(1)).await;
    assert_eq!(load(1).await, [3, 2, 2, 3]);
    answers(&*store, &command, "so", at(2)).await;
    let next = answers(&*store, &turn, "one", at(2)).await.unwrap();
    assert_eq!(load(2).await, [3, 1, 1, 1]);
    // Put off, it waits for its next try.
    store.release(std::slice::from_ref(&next.lease), SECOND, at(2)).await.unwrap();
    assert_eq!(load(2).await, [3, 0, 2, 1]);
    let next = store.claim(&us(), 1, at(3)).await.unwrap().pop().unwrap();
    assert_eq!(load(3).await, [3, 1, 1, 1]);
    answers(&*store, &next, "two", at(3)).await;
    // Sessions that are due count no more, whether or not they were swept; one with an open turn is not due.
    let (two_hours, swept) = (at(0) + 2 * HOUR, at(0) + 2 * HOUR + SECOND);
    assert_eq!(store.load(two_hours).await.unwrap().active_sessions, 1);
    store.expire(0, 10, two_hours).await.unwrap();
    let Load { active_sessions, turns_waiting, .. } = store.load(swept).await.unwrap();
    assert_eq!((active_sessions, turns_waiting), (1, 1));
}

pub(crate) async fn counted_tokens_are_remembered_until_the_text_changes(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    receipt(&*store, tells(&key, 0, "one"), at(0)).await;
    receipt(&*store, tells(&key, 1, "two"), at(1)).await;
    store.counted(&key, &[count(1, 3, 10), count(2, 3, 20), count(99, 5, 5)]).await.unwrap();
    store.amend(edit(&key, 1, "changed", 2), at(2)).await.unwrap();
    // Who counted the text as it was says so late.
    store.counted(&key, &[count(2, 3, 20)]).await.unwrap();
    let messages = store.messages(&key, 0, 10, at(2)).await.unwrap();
    assert_eq!(messages.iter().map(|message| message.tokens).collect::<Vec<_>>(), [Some(10), None]);
}

pub(crate) async fn three_hundred_people_are_all_known(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let mut expected = BTreeSet::new();
    for n in 0..300 {
        let (user, name) = (format!("U{n:03}"), format!("Person {n}"));
        receipt(&*store, by(&user, &name, tells(&key, n, "hi")), at(n)).await;
        expected.insert((user, name));
    }
    let info = store.session(&key, at(300)).await.unwrap().unwrap();
    let people: BTreeSet<_> = info.people.into_iter().map(|(user, name)| (user.as_str().to_owned(), name)).collect();
    assert_eq!(people, expected);
    assert_eq!(store.history(&key, None, 20, at(300)).await.unwrap().people.len(), 300);
    assert_eq!(store.stats(None, at(300)).await.unwrap().participants, 300);
}

pub(crate) async fn a_person_is_known_by_the_name_last_heard(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let named = |secs, name: Option<&str>| NewPost { name: name.map(str::to_owned), ..tells(&key, secs, "hi") };
    let mut names = Vec::new();
    for (secs, name) in [(0, None), (1, Some("Ana")), (2, None), (3, Some("Ana B.")), (4, Some("Ana B."))] {
        receipt(&*store, named(secs, name), at(secs)).await;
        names.extend(store.history(&key, None, 1, at(secs)).await.unwrap().people.into_values());
    }
    // Until a name is heard, the id stands for it.
    assert_eq!(names, ["U1ANA", "Ana", "Ana", "Ana B.", "Ana B."]);
    receipt(&*store, NewPost { author: None, ..tells(&key, 5, "nobody") }, at(5)).await;
    assert_eq!(store.session(&key, at(5)).await.unwrap().unwrap().people.len(), 1);
}

pub(crate) async fn any_text_comes_back_as_it_was(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let texts = [
        String::new(),
        " \n\t".to_owned(),
        "שלום, مرحبا 👩‍👩‍👧‍👦 e\u{301} \u{202e}rtl\u{202c}".to_owned(),
        "a\0b '; DROP TABLE message; -- \u{feff}".to_owned(),
        "語".repeat(40_000),
        (0..40_000u32).map(|n| char::from_u32(0x4e00 + n.wrapping_mul(2_654_435_761) % 20_000).unwrap()).collect(),
    ];
    for (secs, text) in (0..).zip(&texts) {
        receipt(&*store, NewPost { name: Some(text.chars().take(40).collect()), ..tells(&key, secs, text) }, at(secs))
            .await;
    }
    let history = store.history(&key, None, 20, at(10)).await.unwrap();
    assert_eq!(
        history.newest.iter().map(|message| &message.text).collect::<Vec<_>>(),
        texts.iter().collect::<Vec<_>>()
    );
    assert_eq!(history.people.into_values().collect::<Vec<_>>(), [texts[5].chars().take(40).collect::<String>()]);
}

pub(crate) async fn a_closed_store_says_so(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    receipt(&*store, tells(&key, 0, "told"), at(0)).await;
    store.shutdown().await;
    store.shutdown().await;
    let closed = |result: Result<(), StoreError>| matches!(result, Err(StoreError::Closed));
    let store: &dyn SessionStore = &*store;
    assert!(closed(store.receive(tells(&key, 1, "late"), None, at(1)).await.map(drop)));
    assert!(closed(store.mark(&key, at(1)).await.map(drop)));
    assert!(closed(store.expire(0, 10, at(1)).await.map(drop)));
    assert!(closed(store.check().await));
}

pub(crate) async fn threads_we_were_in_lately_are_found_also_after_they_expired(open: Open) {
    let store = open(Rules::default());
    let keys: Vec<_> = (0..4).map(|n| thread_of("T1", "C1", n)).collect();
    for (key, secs) in keys.iter().zip([0, 1000, 2000, 3000]) {
        let turn = runs(&*store, asks(key, secs, "question"), at(secs)).await;
        answers(&*store, &turn, "answer", at(secs)).await;
    }
    receipt(&*store, tells(&thread_of("T1", "C1", 9), 3000, "never joined"), at(3000)).await;
    store.expire(0, 10, at(5000)).await.unwrap();
    let elsewhere = runs(&*store, asks(&thread_of("T2", "C1", 0), 3000, "question"), at(3000)).await;
    answers(&*store, &elsewhere, "answer", at(3000)).await;
    let ours = thread_of("T1", "C1", 0).workspace;
    let since = async |secs: i64, limit| store.joined_since(&ours, at(secs), limit, at(5000)).await.unwrap();
    let found =
        |keys: &[usize]| keys.iter().map(|n| thread_of("T1", "C1", i64::try_from(*n).unwrap())).collect::<Vec<_>>();
    assert_eq!(since(1000, 10).await, found(&[3, 2, 1]));
    assert_eq!(since(0, 2).await, found(&[3, 2]));
    assert_eq!(since(3001, 10).await, found(&[]));
}
