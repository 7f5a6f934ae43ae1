//! Which processes live, and until when each missed nothing.

use std::time::Duration;

use chathakase_session::{
    ThreadKey, WorkspaceId,
    store::{Looked, Others, Rules},
};

use crate::{kit::*, open::Open};

pub(crate) async fn processes_that_live_are_counted(open: Open) {
    let store = open(Rules::default());
    let live = async |name: &str, secs| store.live(&process(name), at(secs)).await.unwrap();
    assert_eq!((live("one", 0).await, live("other", 10).await, live("one", 20).await), (1, 2, 2));
    // The other says nothing for 30 s.
    assert_eq!((live("one", 39).await, live("one", 40).await), (2, 1));
    assert_eq!(live("other", 41).await, 2, "it was not dead");
    store.leave(&process("other"), Some(at(45)), at(45)).await.unwrap();
    assert_eq!(live("one", 46).await, 1);
}

pub(crate) async fn the_last_good_moment_never_goes_back(open: Open) {
    let store = open(Rules::default());
    assert_eq!(store.good_until(&us(), at(0)).await.unwrap(), None);
    for (said, known) in [(10, 10), (30, 30), (20, 30)] {
        store.note_good(&us(), at(said), at(30)).await.unwrap();
        assert_eq!(store.good_until(&us(), at(30)).await.unwrap(), Some(at(known)));
    }
}

pub(crate) async fn who_looks_takes_over_what_the_dead_missed(open: Open) {
    let store = open(Rules::default());
    let [one, other, third] = ["one", "other", "third"].map(process);
    let good = async |process, secs| store.good_until(process, at(secs)).await.unwrap();
    assert!(!store.note_good(&other, at(0), at(0)).await.unwrap().left_some);
    for secs in [0, 20, 40] {
        // The other lives on, and hears nothing of Slack.
        assert!(!store.note_good(&one, at(secs), at(secs)).await.unwrap().left_some, "nobody is dead");
        store.live(&other, at(secs)).await.unwrap();
    }
    assert_eq!((good(&one, 41).await, good(&other, 41).await), (Some(at(40)), Some(at(0))), "each its own");
    assert!(store.note_good(&one, at(80), at(80)).await.unwrap().left_some, "the other is dead, and left something");
    assert_eq!(good(&one, 81).await, Some(at(0)));
    // It dies before it is done with looking.
    assert_eq!(good(&third, 120).await, Some(at(0)));
    assert!(
        !store.note_good(&third, at(120), at(120)).await.unwrap().left_some,
        "it is looked for, and by nobody else"
    );
    assert_eq!(good(&third, 121).await, Some(at(120)));
    assert_eq!(good(&other, 122).await, Some(at(120)), "who comes back after that is new");
}

pub(crate) async fn who_lives_is_told_how_good_it_is_with_the_others_and_who_is_first(open: Open) {
    let store = open(Rules::default());
    let note = async |name: &str, good, secs| store.note_good(&process(name), at(good), at(secs)).await.unwrap();
    let told = |good_ago: Option<u64>, asker_is_first| Others {
        left_some: false,
        good_ago: good_ago.map(Duration::from_secs),
        asker_is_first,
    };
    assert_eq!(note("b", 0, 10).await, told(None, true));
    assert_eq!(note("c", 5, 12).await, told(Some(12), false));
    assert_eq!(note("a", 1, 15).await, told(Some(10), true));
    assert_eq!(note("b", 2, 20).await, told(Some(15), false), "the best of them");
    store.leave(&process("a"), Some(at(20)), at(21)).await.unwrap();
    assert_eq!(note("b", 2, 22).await, told(Some(17), true));
    // Of the dead one it is not told what was good for them.
    let Others { left_some, good_ago, asker_is_first } = note("b", 30, 45).await;
    assert_eq!((left_some, good_ago, asker_is_first), (true, None, true));
}

pub(crate) async fn a_new_process_has_missed_what_any_other_has(open: Open) {
    let store = open(Rules::default());
    for (name, secs) in [("one", 10), ("other", 20)] {
        store.note_good(&process(name), at(secs), at(secs)).await.unwrap();
    }
    // Whether they live is not known yet.
    store.live(&process("third"), at(21)).await.unwrap();
    assert_eq!(store.good_until(&process("third"), at(22)).await.unwrap(), Some(at(10)));
}

pub(crate) async fn who_ends_without_a_gap_leaves_nothing_while_others_live(open: Open) {
    let store = open(Rules::default());
    let [one, other, third] = ["one", "other", "third"].map(process);
    let good = async |process, secs| store.good_until(process, at(secs)).await.unwrap();
    for process in [&one, &other] {
        store.note_good(process, at(0), at(0)).await.unwrap();
    }
    store.leave(&one, Some(at(10)), at(10)).await.unwrap();
    assert!(!store.note_good(&other, at(20), at(20)).await.unwrap().left_some);
    assert_eq!(good(&other, 20).await, Some(at(20)));
    // With a gap, it is for the others.
    store.note_good(&third, at(21), at(21)).await.unwrap();
    store.leave(&third, None, at(25)).await.unwrap();
    assert!(store.note_good(&other, at(25), at(25)).await.unwrap().left_some);
    assert_eq!(good(&other, 26).await, Some(at(21)));
    // Who ends last leaves what is missed from then on.
    store.note_good(&other, at(30), at(30)).await.unwrap();
    store.leave(&other, Some(at(35)), at(35)).await.unwrap();
    assert_eq!(good(&one, 1000).await, Some(at(35)));
}

pub(crate) async fn where_a_look_came_to_is_kept_until_nobody_has_missed_anything_since(open: Open) {
    let store = open(Rules::default());
    let [one, other] = ["one", "other"].map(process);
    let ThreadKey { workspace, channel, root } = thread();
    let elsewhere: WorkspaceId = "T2".parse().unwrap();
    let spot = |root, since, secs| Looked { channel: channel.clone(), root, since: at(since), at: at(secs) };
    let known = async |secs: i64| {
        let mut spots = store.looked(&workspace, at(secs)).await.unwrap();
        spots.sort_by_key(|spot| spot.root);
        spots
    };
    for process in [&one, &other] {
        store.note_good(process, at(0), at(0)).await.unwrap();
    }
    for (root, since, secs) in [(Some(root), 5, 20), (Some(root), 0, 10), (None, 0, 20), (None, 5, 30)] {
        store.note_looked(&workspace, &spot(root, since, secs), at(30)).await.unwrap();
    }
    store.note_looked(&elsewhere, &spot(None, 0, 30), at(30)).await.unwrap();
    assert_eq!(known(30).await, [spot(None, 5, 30), spot(Some(root), 5, 20)], "of each the latest");
    // One has missed nothing since, the other may have.
    store.note_good(&one, at(30), at(30)).await.unwrap();
    assert_eq!(known(30).await.len(), 2);
    store.note_good(&other, at(25), at(31)).await.unwrap();
    assert_eq!(known(31).await, [spot(None, 5, 30)]);
    store.note_good(&other, at(40), at(40)).await.unwrap();
    assert_eq!((known(40).await, store.looked(&elsewhere, at(40)).await.unwrap()), (vec![], vec![]));
    // Nobody looks back for more than a day.
    store.note_looked(&workspace, &spot(None, 30, 50), at(50)).await.unwrap();
    let (day_later, after) = (at(50) + 24 * HOUR, at(51) + 24 * HOUR);
    store.note_good(&one, at(30), day_later - HOUR).await.unwrap();
    assert_eq!(known(50).await.len(), 1);
    store.note_good(&one, at(30), after).await.unwrap();
    assert_eq!(known(50).await, []);
}
