//! The process dies at each named step between two durable writes or Slack calls (`chathakase_session::fault`), and whoever comes
//! after it leaves exactly what the story ends with. Built with the feature `fault-points` only: `scripts/test kill_points`.
//!
//! A story is told once to see which places its process comes to, and then once for each of them, in which it dies there. So each place
//! is met with an answer, a command, a notice and so on, and with the second part as with the first.

mod scene;
mod stories;

use std::collections::{BTreeMap, BTreeSet};

use chathakase_session::fault::{BESIDE_TURNS, OF_A_TURN};
use test_database::TestDatabase;

use scene::told;
use stories::Story;

/// How often a place is met by which it is died at: with the first part of an answer, and with the second.
const TIMES_MAX: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Sqlite,
    Postgres,
}

macro_rules! stories {
    ($($test:ident: $story:ident),* $(,)?) => {
        const ALL: &[Story] = &[$(Story::$story),*];
        $(mod $test {
            use super::*;
            #[tokio::test] async fn sqlite() { killed_everywhere(Story::$story, Kept::Sqlite).await }
            #[tokio::test] async fn postgresql() { killed_everywhere(Story::$story, Kept::Postgres).await }
        })*
    };
}

stories! {
    an_answer_in_parts: Answers,
    an_answer_posted_and_updated: Updates,
    an_answer_that_grows: Grows,
    answers_one_after_the_other: AnswersTwice,
    an_answer_that_became_shorter: Shortens,
    an_answer_that_became_longer: Lengthens,
    an_answer_in_a_thread_that_others_began: Joins,
    a_question_before_its_mention: HearsOutOfOrder,
    an_edit_that_asks: IsAskedByAnEdit,
    a_notice: Apologises,
    a_notice_of_a_turn_that_killed_its_owners: SetsAside,
    a_clearing: Clears,
    an_answer_to_the_asker_alone: Tells,
    a_stop: IsStopped,
    a_stop_of_a_stored_answer: IsCutShort,
    a_deleted_question: LosesItsQuestion,
    a_deleted_answer: LosesItsAnswer,
    an_answer_that_may_stand_already: Repeats,
    a_channel_that_takes_no_more: IsShutOut,
    what_was_missed: CatchesUp,
    an_end_in_good_order: GivesBack,
}

/// Tells a story in which a process dies, for each place.
async fn killed_everywhere(story: Story, kept: Kept) {
    if kept == Kept::Postgres && !TestDatabase::is_there() {
        return;
    }
    let mut places: Vec<String> = story.places().iter().map(|&place| place.to_owned()).collect();
    if places.is_empty() {
        let mut met = BTreeMap::<String, usize>::new();
        told(story, kept, "*").await.into_iter().for_each(|name| *met.entry(name).or_default() += 1);
        let often = |(name, times): (String, usize)| (1..=times.min(TIMES_MAX)).map(move |nth| format!("{name}:{nth}"));
        places = met.into_iter().flat_map(often).collect();
    }
    let mut died_at = BTreeSet::new();
    for place in places.iter().filter(|place| is_met(place, kept)) {
        eprintln!("{story:?} on {kept:?}, killed at {place}");
        let came = told(story, kept, place).await;
        // Where others died before, what Slack sends again may come to this process or to the next. What is asked for is met for sure,
        // and so is what an answer in parts comes to twice.
        let is_sure = !story.places().is_empty() || (story == Story::Answers && story_of(name(place)) == story);
        assert!(!is_sure || came.iter().any(|met| met == name(place)), "{story:?} does not come to {place}");
        died_at.extend(came);
    }
    for place in OF_A_TURN.iter().chain(BESIDE_TURNS).filter(|place| story_of(place) == story && is_met(place, kept)) {
        assert!(died_at.contains(*place), "{story:?} does not come to {place}");
    }
}

/// A place's name, without how often it is met.
fn name(place: &str) -> &str {
    place.split(':').next().unwrap_or_default()
}

/// A process that has its database to itself does not say that it lives.
fn is_met(place: &str, kept: Kept) -> bool {
    kept == Kept::Postgres || !place.starts_with("live.")
}

/// The story that is sure to come to a place.
fn story_of(place: &str) -> Story {
    match place {
        "receive.uncommitted" | "receive.stored" | "close.uncommitted" | "close.stored" => Story::Answers,
        "part_intended.uncommitted" | "part.intended" | "part.posted" | "part.stored" => Story::Answers,
        "part_open.uncommitted" | "part_done.uncommitted" | "part.done" | "part.stopped" => Story::Answers,
        "turn.shown" | "delivered.uncommitted" | "delivered.stored" => Story::Answers,
        "part.appended" => Story::Grows,
        "part.updated" | "part.deleted" | "claim.uncommitted" | "claim.stored" | "thread.read" => Story::Shortens,
        "learn.uncommitted" | "thread.learned" => Story::Joins,
        "amend.uncommitted" | "edit.stored" => Story::IsAskedByAnEdit,
        "command.told" => Story::Tells,
        "clear.uncommitted" | "command.ran" => Story::Clears,
        "stop.uncommitted" | "stop.stored" => Story::IsStopped,
        "cut_short.uncommitted" | "cut.stored" => Story::IsCutShort,
        "erase.uncommitted" | "erase.stored" => Story::LosesItsQuestion,
        "retract.uncommitted" | "retract.stored" => Story::LosesItsAnswer,
        "repeats.uncommitted" | "repeat.stored" => Story::Repeats,
        "asker.told" => Story::IsShutOut,
        "stray.stored" => Story::Lengthens,
        "live.uncommitted" | "live.stored" | "good_until.uncommitted" | "gap.taken" => Story::CatchesUp,
        "reconcile.uncommitted" | "gap.reconciled" | "gap.looked" => Story::CatchesUp,
        "note_looked.uncommitted" | "gap.noted" => Story::CatchesUp,
        "note_good.uncommitted" | "good.stored" => Story::CatchesUp,
        "release.uncommitted" | "release.stored" | "leave.uncommitted" | "leave.stored" => Story::GivesBack,
        "sweep.stored" => Story::CatchesUp,
        _ => panic!("no story comes to {place}: tell one"),
    }
}

#[test]
fn every_named_step_has_a_story_in_which_a_process_dies_there() {
    for place in OF_A_TURN.iter().chain(BESIDE_TURNS) {
        assert!(ALL.contains(&story_of(place)), "{place}");
    }
}
