//! Who may work on a turn.

use std::{collections::HashSet, time::Duration};

use chathakase_session::{
    Timestamp,
    message::Ending,
    store::{Claimed, Closing, Press, Receipt, Renewed, Result, Rules, SessionStore, StoreError},
    turn::{Claimant, Lease, Outcome, PartMode, TurnId, TurnState},
};

use crate::{kit::*, open::Open};

pub(crate) async fn an_owner_that_renews_keeps_its_turn(open: Open) {
    let store = open(Rules::default());
    let turn = runs(&*store, asks(&thread(), 0, "question"), at(0)).await;
    assert_eq!(turn.lease.until, at(30));
    assert!(store.claim(&process("other"), 10, at(29)).await.unwrap().is_empty());
    assert_eq!(renewed(&*store, &turn.lease, at(20)).await, Renewed::default());
    assert!(store.claim(&process("other"), 10, at(49)).await.unwrap().is_empty());
    // Late, but nobody has taken it.
    assert_eq!(renewed(&*store, &turn.lease, at(60)).await, Renewed::default());
    assert!(store.claim(&process("other"), 10, at(89)).await.unwrap().is_empty());
    assert_eq!(store.claim(&process("other"), 10, at(90)).await.unwrap().len(), 1);
    assert_eq!(renewed(&*store, &turn.lease, at(91)).await.lost, [turn.turn.id]);
}

async fn renewed(store: &dyn SessionStore, lease: &Lease, now: Timestamp) -> Renewed {
    store.renew(std::slice::from_ref(lease), 30 * SECOND, now).await.unwrap()
}

pub(crate) async fn a_stop_reaches_the_owner_and_outlives_it(open: Open) {
    let store = open(Rules::default());
    let (key, other) = (thread(), thread_of("T1", "C2", 0));
    assert_eq!(store.stop(&key, &Press::at(ts(9))).await.unwrap(), None, "nothing runs");
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    let beside = runs(&*store, asks(&other, 0, "beside"), at(0)).await;
    receipt(&*store, asks(&key, 1, "waits"), at(1)).await;
    let leases = [turn.lease.clone(), beside.lease.clone()];
    assert_eq!(store.renew(&leases, 30 * SECOND, at(1)).await.unwrap(), Renewed::default());
    for _ in 0..2 {
        assert_eq!(store.stop(&key, &Press::at(ts(9))).await.unwrap(), Some(turn.turn.id));
    }
    assert_eq!(store.stopped(&leases).await.unwrap(), [turn.turn.id]);
    let stopped = Renewed { lost: Vec::new(), stopped: vec![turn.turn.id] };
    assert_eq!(store.renew(&leases, 30 * SECOND, at(2)).await.unwrap(), stopped);
    let adopted = store.claim(&process("other"), 2, at(32)).await.unwrap();
    assert_eq!(store.stopped(&leases).await.unwrap(), [], "they are another's now");
    assert_eq!(adopted.iter().map(|claimed| claimed.turn.stop_requested).collect::<Vec<_>>(), [true, false]);
    // What waits behind it is answered.
    let closing = Closing { outcome: Outcome::Stopped, ending: Ending::Stopped, ..says("half") };
    store.close(&adopted[0].lease, closing, at(33)).await.unwrap();
    assert_eq!(store.stop(&key, &Press::at(ts(9))).await.unwrap(), Some(turn.turn.id), "it may still be shown");
    let next = store.delivered(&adopted[0].lease, &shown(), Some(&us()), at(34)).await.unwrap().unwrap();
    assert!(!next.turn.stop_requested);
    assert_eq!(window(&*store, &key, at(34)).await, ["question", "half", "waits"]);
}

pub(crate) async fn a_late_stop_leaves_the_next_answer_alone(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    receipt(&*store, asks(&key, 1, "waits"), at(1)).await;
    // Nobody knows of this post yet, and nobody else can have made it.
    let over = |secs: i64| Press { over: vec![ts(secs)], ..Press::at(ts(9)) };
    assert_eq!(store.stop(&key, &over(2)).await.unwrap(), Some(turn.turn.id));
    store.part_open(&turn.lease, 0, PartMode::Stream, ts(2)).await.unwrap();
    assert_eq!(store.stop(&key, &over(2)).await.unwrap(), Some(turn.turn.id));
    store.close(&turn.lease, says("half"), at(9)).await.unwrap();
    // It is told again when the next answer runs, which began when Slack's clock showed more than ours.
    let next_owner = Claimant { slack_now: Some(at(13)), ..us() };
    let next = store.delivered(&turn.lease, &[part(0, 2)], Some(&next_owner), at(10)).await.unwrap().unwrap();
    for press in [over(2), Press::at(ts(9)), Press::at(ts(12)), over(1)] {
        assert_eq!(store.stop(&key, &press).await.unwrap(), None, "{press:?}");
    }
    assert_eq!(renewed(&*store, &next.lease, at(11)).await, Renewed::default());
    assert_eq!(store.stop(&key, &Press::at(ts(13))).await.unwrap(), Some(next.turn.id));
    assert_eq!(store.stop(&key, &Press { over: vec![ts(2), ts(14)], at: ts(15) }).await.unwrap(), Some(next.turn.id));

    // Slack's clock is not known, and ours is behind: by it this answer began before the press, and its question was asked after it.
    let slow = thread_of("T1", "C2", 0);
    let turn = runs(&*store, asks(&slow, 20, "later"), at(10)).await;
    assert_eq!(store.stop(&slow, &Press::at(ts(19))).await.unwrap(), None);
    assert_eq!(store.stop(&slow, &Press::at(ts(20))).await.unwrap(), Some(turn.turn.id));
}

pub(crate) async fn posts_of_other_turns_are_told_from_a_turns_own(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    receipt(&*store, asks(&key, 1, "waits"), at(1)).await;
    store.part_open(&turn.lease, 0, PartMode::Stream, ts(2)).await.unwrap();
    let all = [2, 3, 4].map(ts);
    assert_eq!(store.posts_of_others(&turn.lease, &all).await.unwrap(), []);
    store.close(&turn.lease, says("answer"), at(5)).await.unwrap();
    let next = store.delivered(&turn.lease, &[part(0, 2), part(1, 3)], Some(&us()), at(5)).await.unwrap().unwrap();
    assert_eq!(store.posts_of_others(&next.lease, &all).await.unwrap(), [2, 3].map(ts));
    // What is cleared is another's still.
    store.clear(&key, ts(0), at(6)).await.unwrap();
    assert_eq!(store.posts_of_others(&next.lease, &all).await.unwrap(), [2, 3].map(ts));
}

pub(crate) async fn that_an_answer_is_repeated_outlives_its_owner(open: Open) {
    let store = open(Rules::default());
    let turn = runs(&*store, asks(&thread(), 0, "question"), at(0)).await;
    assert!(!turn.turn.repeated);
    store.repeats(&turn.lease).await.unwrap();
    store.close(&turn.lease, says("answer"), at(1)).await.unwrap();
    let adopted = store.claim(&process("other"), 1, at(40)).await.unwrap().remove(0);
    assert!(adopted.turn.repeated);
}

pub(crate) async fn a_lost_lease_refuses_every_write(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    let adopted = store.claim(&process("other"), 1, at(30)).await.unwrap().remove(0);
    let lease = &turn.lease;
    let refused: [Result<()>; 10] = [
        store.part_intended(lease, 1, PartMode::Stream).await,
        store.part_open(lease, 0, PartMode::Stream, ts(1)).await,
        store.part_done(lease, 0, 1).await,
        store.repeats(lease).await,
        store.posts_of_others(lease, &[ts(1)]).await.map(drop),
        store.close(lease, says("mine"), at(31)).await,
        store.cut_short(lease, "mi", Ending::Cut, at(31)).await,
        store.delivered(lease, &shown(), Some(&us()), at(31)).await.map(drop),
        store.learn(lease, read(vec![tells(&key, -5, "earlier")]), at(31)).await.map(drop),
        store.clear_and_close(lease, ts(0), |_| says("cleared"), at(31)).await.map(drop),
    ];
    for (n, result) in refused.into_iter().enumerate() {
        let Err(StoreError::LeaseLost { turn: lost }) = result else { panic!("write {n} gave {result:?}") };
        assert_eq!(lost, turn.turn.id);
    }
    // Giving back what is not ours takes it from nobody.
    store.release(std::slice::from_ref(lease), Duration::ZERO, at(31)).await.unwrap();
    assert!(store.claim(&us(), 1, at(32)).await.unwrap().is_empty());
    assert_eq!(adopted.parts.len(), 1);
    answers(&*store, &adopted, "theirs", at(33)).await;
    assert_eq!(window(&*store, &key, at(33)).await, ["question", "theirs"]);
    assert!(matches!(store.close(&adopted.lease, says("more"), at(34)).await, Err(StoreError::LeaseLost { .. })));
}

pub(crate) async fn of_two_leases_of_one_owner_the_later_counts(open: Open) {
    let store = open(Rules::default());
    let early = runs(&*store, asks(&thread(), 0, "question"), at(0)).await;
    let late = store.claim(&us(), 1, at(30)).await.unwrap().remove(0);
    assert!(matches!(store.close(&early.lease, says("early"), at(31)).await, Err(StoreError::LeaseLost { .. })));
    let both = [early.lease.clone(), late.lease.clone()];
    assert_eq!(store.renew(&both, 30 * SECOND, at(31)).await.unwrap().lost, [early.turn.id]);
    store.close(&late.lease, says("late"), at(31)).await.unwrap();
    assert_eq!(window(&*store, &thread(), at(31)).await, ["question", "late"]);
}

pub(crate) async fn adoption_counts_deaths_and_brings_what_was_decided(open: Open) {
    let store = open(Rules::default());
    let first = runs(&*store, asks(&thread(), 0, "question"), at(0)).await;
    let second = store.claim(&process("second"), 1, at(30)).await.unwrap().remove(0);
    assert_eq!((second.turn.deaths, second.adopted, second.turn.state), (1, true, TurnState::Running));
    assert!(second.after_death && !first.after_death);
    assert_eq!((second.closing.clone(), second.turn.started_at), (None, Some(at(0))));
    assert!(second.lease.fence > first.lease.fence);
    let closing =
        Closing { outcome: Outcome::Failed, ending: Ending::Cut, note: Some("cut".to_owned()), ..says("half") };
    store.close(&second.lease, closing.clone(), at(31)).await.unwrap();
    let third = store.claim(&process("third"), 1, at(60)).await.unwrap().remove(0);
    assert_eq!((third.turn.deaths, third.adopted, third.turn.state), (2, true, TurnState::Closed));
    assert_eq!((third.closing, third.turn.outcome), (Some(closing), Some(Outcome::Failed)));
    assert!(third.after_death);
    // Given back and taken again: nobody died since.
    store.release(std::slice::from_ref(&third.lease), Duration::ZERO, at(61)).await.unwrap();
    let fourth = store.claim(&us(), 1, at(61)).await.unwrap().remove(0);
    assert_eq!((fourth.turn.deaths, fourth.adopted, fourth.after_death), (2, true, false));
    store.delivered(&fourth.lease, &shown(), None, at(61)).await.unwrap();
    assert!(store.claim(&us(), 1, at(1000)).await.unwrap().is_empty());
}

pub(crate) async fn an_answer_that_was_stopped_while_it_was_shown_is_remembered_as_far_as_it_was(open: Open) {
    let store = open(Rules::default());
    let (key, command) = (thread(), thread_of("T1", "C2", 0));
    let turn = runs(&*store, asks(&key, 0, "question"), at(0)).await;
    store.cut_short(&turn.lease, "early", Ending::Stopped, at(1)).await.unwrap();
    store.close(&turn.lease, Closing { note: Some("note".to_owned()), ..says("a whole answer") }, at(1)).await.unwrap();
    store.counted(&key, &[count(2, "a whole answer".len(), 9)]).await.unwrap();
    store.cut_short(&turn.lease, "a whole", Ending::Stopped, at(2)).await.unwrap();
    let remembered = store.messages(&key, 1, 9, at(2)).await.unwrap().remove(0);
    assert_eq!((remembered.text.as_str(), remembered.ending, remembered.tokens), ("a whole", Ending::Stopped, None));
    assert_eq!(store.session(&key, at(2)).await.unwrap().unwrap().assistant_messages, 1);
    // Whoever carries on after a death brings no more of it.
    let adopted = store.claim(&process("other"), 1, at(30)).await.unwrap().remove(0);
    let closing = Closing { outcome: Outcome::Stopped, ending: Ending::Stopped, ..says("a whole") };
    assert_eq!(adopted.closing, Some(closing));
    store.delivered(&adopted.lease, &shown(), None, at(31)).await.unwrap();
    assert_eq!(window(&*store, &key, at(31)).await, ["question", "a whole"]);
    // What a command says is in no window, and what has no words cannot be cut.
    let turn = runs(&*store, commands(&command, 0, "help"), at(32)).await;
    store.close(&turn.lease, says(""), at(32)).await.unwrap();
    store.cut_short(&turn.lease, "words", Ending::Stopped, at(32)).await.unwrap();
    assert_eq!(texts(&store.messages(&command, 0, 9, at(32)).await.unwrap()), ["help"]);
    store.delivered(&turn.lease, &shown(), None, at(32)).await.unwrap();
    // One that Slack took a part of only was not stopped by a person.
    let turn = runs(&*store, asks(&key, 33, "more"), at(33)).await;
    store.close(&turn.lease, says("a second answer"), at(33)).await.unwrap();
    store.cut_short(&turn.lease, "a second", Ending::Cut, at(34)).await.unwrap();
    let adopted = store.claim(&process("other"), 1, at(70)).await.unwrap().remove(0);
    let closing = Closing { outcome: Outcome::Failed, ending: Ending::Cut, ..says("a second") };
    assert_eq!(adopted.closing, Some(closing));
}

pub(crate) async fn a_lease_given_back_is_free_at_once(open: Open) {
    let store = open(Rules::default());
    let turn = runs(&*store, asks(&thread(), 0, "question"), at(0)).await;
    store.release(std::slice::from_ref(&turn.lease), Duration::ZERO, at(1)).await.unwrap();
    assert!(matches!(store.close(&turn.lease, says("late"), at(1)).await, Err(StoreError::LeaseLost { .. })));
    let next = store.claim(&process("other"), 1, at(1)).await.unwrap().remove(0);
    // Its thread must be looked at, but nobody died.
    assert_eq!((next.turn.deaths, next.adopted), (0, true));
}

pub(crate) async fn a_turn_put_off_is_free_later_and_nobody_died(open: Open) {
    let store = open(Rules::default());
    let mut turn = runs(&*store, asks(&thread(), 0, "question"), at(0)).await;
    for now in [1, 61, 121] {
        store.release(std::slice::from_ref(&turn.lease), 60 * SECOND, at(now)).await.unwrap();
        assert!(store.claim(&us(), 1, at(now + 59)).await.unwrap().is_empty());
        turn = store.claim(&us(), 1, at(now + 60)).await.unwrap().remove(0);
        assert_eq!((turn.turn.deaths, turn.adopted), (0, true));
    }
}

/// Claims until there is no more for `claimant`: how often owners died over each.
async fn deaths(store: &dyn SessionStore, claimant: &str, now: i64) -> Vec<u32> {
    let mut deaths = Vec::new();
    loop {
        let claimed = store.claim(&process(claimant), 40, at(now)).await.unwrap();
        if claimed.is_empty() {
            deaths.sort_unstable();
            return deaths;
        }
        deaths.extend(claimed.iter().map(|claimed| claimed.turn.deaths));
    }
}

pub(crate) async fn the_more_owners_died_over_a_turn_the_fewer_such_run_beside_it(open: Open) {
    let store = open(Rules::default());
    for n in 0..20 {
        runs(&*store, asks(&thread_of("T1", "C1", n), n, "question"), at(0)).await;
    }
    // The first death may have any of many causes: all are carried on with, so that nobody waits.
    assert_eq!(deaths(&*store, "b", 30).await, [1; 20]);
    assert_eq!(deaths(&*store, "c", 60).await, [2; 16]);
    assert_eq!(deaths(&*store, "d", 60).await, [2; 4], "each process may hold so many");
    for process in ["e", "f", "g", "h", "i"] {
        assert_eq!(deaths(&*store, process, 90).await, [3; 4]);
    }
    assert_eq!(deaths(&*store, "j", 120).await, [4]);
    // Those that fewer owners died over are likelier to be well: nobody waits for the worst one.
    runs(&*store, asks(&thread_of("T1", "C1", 20), 20, "question"), at(120)).await;
    assert_eq!(deaths(&*store, "k", 150).await, [1, 4]);
    assert_eq!(deaths(&*store, "l", 180).await, [2]);
    assert_eq!(deaths(&*store, "m", 180).await, [4], "the worst run beside none");
}

/// A question over which so many owners die, every 30 s until `claimant` takes it up.
async fn taken_up(store: &dyn SessionStore, secs: i64, deaths: i64, claimant: &str, now: i64) -> Claimed {
    let mut held = runs(store, asks(&thread_of("T1", "C1", secs), secs, "question"), at(now - 30 * deaths)).await;
    for left in (0..deaths).rev() {
        let claimant = process(if left == 0 { claimant } else { "dead" });
        held = store.claim(&claimant, 1, at(now - 30 * left)).await.unwrap().remove(0);
    }
    held
}

pub(crate) async fn what_may_kill_its_process_is_joined_by_no_other_suspect(open: Open) {
    let store = open(Rules::default());
    let worst = taken_up(&*store, 0, 4, "j", 120).await;
    store.renew(std::slice::from_ref(&worst.lease), HOUR, at(120)).await.unwrap();
    taken_up(&*store, 1, 1, "dead", 160).await;
    runs(&*store, asks(&thread_of("T1", "C1", 2), 2, "question"), at(160)).await;
    assert_eq!(deaths(&*store, "j", 190).await, [1], "one that two owners died over waits, one that one did goes on");
    answers(&*store, &worst, "well after all", at(191)).await;
    assert_eq!(deaths(&*store, "j", 191).await, [2]);
}

pub(crate) async fn the_worst_that_a_process_holds_says_how_many_it_may(open: Open) {
    let store = open(Rules::default());
    let worst = taken_up(&*store, 0, 3, "j", 90).await;
    store.renew(std::slice::from_ref(&worst.lease), HOUR, at(90)).await.unwrap();
    for n in 1..6 {
        runs(&*store, asks(&thread_of("T1", "C1", n), n, "question"), at(90)).await;
    }
    assert_eq!(deaths(&*store, "dead", 120).await, [1; 5]);
    assert_eq!(deaths(&*store, "j", 150).await, [2; 3], "with one of three deaths it holds four in all");
    assert_eq!(deaths(&*store, "k", 150).await, [2; 2]);
}

pub(crate) async fn a_turn_given_back_after_one_death_is_no_suspect(open: Open) {
    let store = open(Rules::default());
    runs(&*store, asks(&thread(), 0, "question"), at(0)).await;
    let once = store.claim(&us(), 10, at(30)).await.unwrap().remove(0);
    store.release(std::slice::from_ref(&once.lease), Duration::ZERO, at(30)).await.unwrap();
    let again = store.claim(&us(), 10, at(30)).await.unwrap().remove(0);
    assert_eq!(again.turn.deaths, 1);
}

pub(crate) async fn claims_are_oldest_first_and_no_more_than_asked_for(open: Open) {
    let store = open(Rules::default());
    let mut ids = Vec::new();
    for n in 0..5 {
        let key = thread_of("T1", "C1", n);
        // The first two run and their owner dies; the others nobody had room for.
        let claimant = (n < 2).then(us);
        store.receive(asks(&key, n, "question"), claimant.as_ref(), at(n)).await.unwrap();
    }
    for (limit, now) in [(1, 10), (2, 35), (10, 35)] {
        let claimed = store.claim(&process("other"), limit, at(now)).await.unwrap();
        ids.push(claimed.iter().map(|claimed| claimed.turn.first_ts).collect::<Vec<_>>());
    }
    assert_eq!(ids, [vec![ts(2)], vec![ts(0), ts(1)], vec![ts(3), ts(4)]]);
}

pub(crate) async fn two_claimers_never_hold_one_turn(open: Open) {
    let store = open(Rules::default());
    for n in 0..40 {
        store.receive(asks(&thread_of("T1", "C1", n), n, "question"), None, at(n)).await.unwrap();
    }
    let claimers = (0..4).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut held = Vec::new();
            loop {
                let claimed = store.claim(&process(&format!("p{n}")), 3, at(50)).await.unwrap();
                if claimed.is_empty() {
                    return held;
                }
                held.extend(claimed.into_iter().map(|claimed| claimed.turn.id));
            }
        })
    });
    let mut all = Vec::new();
    for claimer in claimers.collect::<Vec<_>>() {
        all.extend(claimer.await.unwrap());
    }
    assert_eq!((all.len(), all.iter().collect::<HashSet<_>>().len()), (40, 40));
}

pub(crate) async fn a_command_without_an_owner_waits_for_no_room_of_the_models(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    let question = runs(&*store, asks(&key, 0, "question"), at(0)).await.turn.id;
    let command = runs(&*store, commands(&key, 1, "help"), at(1)).await.turn.id;
    let Receipt::Waiting(unbegun) = store.receive(commands(&key, 2, "help"), None, at(2)).await.unwrap().receipt else {
        panic!("nobody wanted it");
    };
    let claim = async |limit, secs| -> Vec<TurnId> {
        let claimed = store.claim(&process("other"), limit, at(secs)).await.unwrap();
        claimed.iter().map(|claimed| claimed.turn.id).collect()
    };
    assert_eq!(claim(0, 3).await, [unbegun]);
    assert_eq!(claim(0, 31).await, [command]);
    assert_eq!(claim(1, 31).await, [question]);
    // Also one that two owners died over.
    assert_eq!(claim(0, 70).await, [command, unbegun]);
    assert_eq!(claim(1, 70).await, [question]);
}

pub(crate) async fn no_more_commands_are_claimed_than_are_wanted(open: Open) {
    let store = open(Rules::default());
    let key = thread();
    for secs in 0..3 {
        store.receive(commands(&key, secs, "help"), None, at(secs)).await.unwrap();
    }
    let question = runs(&*store, asks(&key, 3, "question"), at(3)).await.turn.id;
    let claim = async |commands_max, secs| -> Vec<TurnId> {
        let other = Claimant { commands_max, ..process("other") };
        let claimed = store.claim(&other, 1, at(secs)).await.unwrap();
        claimed.iter().map(|claimed| claimed.turn.id).collect()
    };
    assert_eq!(claim(0, 4).await, []);
    let (first, rest) = (claim(1, 5).await, claim(9, 5).await);
    assert_eq!((first.len(), rest.len()), (1, 2));
    assert!(first < rest, "the oldest first: {first:?}, {rest:?}");
    // Where none are wanted, they hide no question: also such a one as two owners died over.
    assert_eq!(claim(0, 36).await, [question]);
    assert_eq!(claim(9, 36).await.len(), 3);
    assert_eq!(claim(0, 70).await, [question]);
    assert_eq!(claim(9, 70).await.len(), 1, "of those one at a time");
}
