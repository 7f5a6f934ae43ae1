//! Sessions whose time is over: the assistant that runs erases them by itself.

use crate::harness::stories;

stories! { on both stores:
    a_session_whose_hour_is_over_is_erased_though_nobody_says_a_word,
    a_new_session_among_many_has_those_that_are_over_erased_at_once,
}

mod usually {
    use super::told;
    crate::harness::stories! { usually: a_changed_timeout_counts_for_a_session_from_its_next_message_on }
}

mod told {
    use std::time::Duration;

    use crate::harness::{Store, Story, over_in};

    const HOUR: Duration = Duration::from_secs(3600);

    /// How many sessions were erased because their time was over, by the operator's page.
    async fn erased(s: &Story) -> u64 {
        let (_, page) = s.page("/metrics").await;
        let counted = page.lines().find_map(|line| line.strip_prefix("chathakase_erasures_total{cause=\"expired\"} "));
        counted.unwrap().parse().unwrap()
    }

    /// Whether `words` lie in the database file or its write-ahead log.
    fn on_disk(s: &Story, words: &str) -> bool {
        ["", "-wal"].iter().any(|end| {
            let file = std::fs::read(format!("{}{end}", s.database().display())).unwrap_or_default();
            file.windows(words.len()).any(|piece| piece == words.as_bytes())
        })
    }

    /// Waits, while no time passes, until so many sessions were erased, and until `words` are gone from the disk.
    async fn are_erased(s: &Story, sessions: u64, words: &str) {
        let gone = async {
            while erased(s).await < sessions || on_disk(s, words) {
                tokio::task::yield_now().await;
            }
        };
        let over = over_in(Duration::from_secs(10), gone).await;
        assert!(over.is_ok(), "erased: {} of {sessions}; on disk: {}", erased(s).await, on_disk(s, words));
    }

    pub(super) async fn a_session_whose_hour_is_over_is_erased_though_nobody_says_a_word(s: &mut Story) {
        s.openai.answers("A heron, at dusk.");
        let thread = s.slack.mention("ana", "#general", "which bird was it?").await;
        thread.finishes("A heron, at dusk.").await;
        s.at_rest(&thread).await;
        let before = erased(s).await;
        assert_eq!(on_disk(s, "which bird was it?"), s.way.store == Store::Sqlite, "the search finds what is there");
        assert_eq!(on_disk(s, "A heron, at dusk."), s.way.store == Store::Sqlite);
        // The sweep's minute ends in that hour.
        s.passes(HOUR).await;
        are_erased(s, before + 1, "which bird was it?").await;
        are_erased(s, before + 1, "A heron, at dusk.").await;
    }

    pub(super) async fn a_changed_timeout_counts_for_a_session_from_its_next_message_on(s: &mut Story) {
        s.openai.answers("A heron, at dusk.");
        let thread = s.slack.mention("ana", "#general", "which bird was it?").await;
        thread.finishes("A heron, at dusk.").await;
        s.at_rest(&thread).await;
        s.restart_with(&[("session.timeout", "10m")]).await;
        s.passes(HOUR / 2).await;
        thread.reply("ana", "session info").await;
        thread.shows_part("- Messages: 2 (1 from people, 1 from me)\n").await;
        thread.shows_part("- I forget it in 10 minutes if nothing more is said\n").await;
        s.at_rest(&thread).await;
        let before = erased(s).await;
        s.passes(Duration::from_mins(11)).await;
        are_erased(s, before + 1, "A heron, at dusk.").await;
    }

    pub(super) async fn a_new_session_among_many_has_those_that_are_over_erased_at_once(s: &mut Story) {
        for n in 0..10 {
            s.openai.answers(&format!("Answer {n}."));
            let thread = s.slack.dm("ana", &*format!("question {n}")).await;
            thread.finishes(&format!("Answer {n}.")).await;
            s.at_rest(&thread).await;
        }
        let before = erased(s).await;
        // The sweep's minute begins anew, and ends when those ten are over.
        s.passes(HOUR - Duration::from_secs(45)).await;
        s.openai.answers("Not over yet.").answers("New.");
        s.slack.dm("ben", "an eleventh").await.finishes("Not over yet.").await;
        assert_eq!(erased(s).await, before);
        s.passes(Duration::from_secs(45)).await;
        s.slack.dm("ben", "a twelfth").await.finishes("New.").await;
        are_erased(s, before + 10, "question 0").await;
        assert_eq!(on_disk(s, "an eleventh"), s.way.store == Store::Sqlite, "the others stay");
    }
}
