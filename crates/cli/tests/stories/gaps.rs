//! While nobody listens, people write on: what was missed is looked for and answered, once and in order.

use chathakase_sim::slack::Options;

use crate::harness::{SOCKET, Store, USUAL, Way, stories, tell_where};

stories! { on all stores:
    what_slack_gave_up_is_found_when_it_says_that_it_could_not_reach_us,
    what_slack_gave_up_is_found_when_nothing_else_comes,
    what_slack_gave_up_is_found_though_the_process_lived_on_before_it_died,
}

stories! { by two: a_silence_is_one_only_if_nobody_hears_anything_and_one_looks_through_it }
stories! { by socket: a_long_silence_of_the_socket_is_looked_through }

/// Each story on these stores, where Slack is like this.
macro_rules! told_where {
    ($way:expr, $slack:expr, $($store:ident: $kept:ident),*; $story:ident) => { mod $story {
        use super::*;
        $(#[test] fn $store() {
            tell_where(Way { store: Store::$kept, ..$way }, $slack, async |s| told::$story(s).await);
        })*
    } };
}
macro_rules! on_every_store {
    ($way:expr, $slack:expr; $($story:ident),* $(,)?) => {
        $(told_where! { $way, $slack, sqlite: Sqlite, memory: Memory, postgres: Postgres; $story })*
    };
}
pub(crate) use {on_every_store, told_where};

// Over Socket Mode what happens while no link is up is lost.
on_every_store! { SOCKET, |options| Options { lost_while_disconnected: true, ..options };
    what_people_wrote_while_it_was_dead_is_answered_once_and_in_order,
    a_mention_in_the_middle_of_a_thread_is_found_too,
    where_another_look_came_to_it_is_looked_for_all_the_same,
    edits_and_deletions_that_were_missed_count,
    the_first_answer_after_a_gap_is_made_from_the_thread_as_it_stands,
    an_old_post_that_waits_for_an_answer_and_was_deleted_meanwhile_gets_none,
    what_is_older_than_the_bound_is_given_up_and_said_so,
    what_comes_while_a_thread_is_caught_up_with_comes_behind_it,
    a_thread_that_expired_meanwhile_is_caught_up_with,
    where_slack_lets_nothing_be_read_it_is_said_and_the_rest_works,
    what_a_full_disk_kept_out_is_answered_when_slack_sends_it_again,
}

// Its waits are passed as soon as somebody begins them: with a database on a wire that is the time of many leases.
told_where! { SOCKET, |options| Options { lost_while_disconnected: true, ..options }, sqlite: Sqlite, memory: Memory;
    a_gap_of_the_socket_is_closed
}

on_every_store! { SOCKET, |options| Options { lost_while_disconnected: true, page_max: Some(1), ..options };
    a_missed_mention_is_found_however_few_channels_slack_lists_at_once,
}

on_every_store! { USUAL, |options| options;
    a_full_disk_delays_what_was_written_meanwhile_and_loses_nothing,
    over_http_what_slack_gave_up_is_found_after_a_start,
}

mod told {
    use std::time::Duration;

    use chathakase_bot::texts;
    use chathakase_session::{ThreadKey, store::Looked, time::Clock};
    use chathakase_sim::slack::{Fate, Gate, Thread};
    use serde_json::Value;

    use crate::harness::{Story, over_in};

    const MINUTE: Duration = Duration::from_secs(60);
    const TEN_MINUTES: Duration = Duration::from_secs(600);

    pub(super) async fn a_missed_mention_is_found_however_few_channels_slack_lists_at_once(s: &mut Story) {
        s.openai.answers("Hello.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.kill().await;
        s.clock.advance(MINUTE);
        let missed = s.slack.mention("ben", "#other", "and here?").await;
        s.openai.answers("Here too.");
        s.start().await;
        missed.finishes("Here too.").await;
        s.calm().await;
        assert_eq!((s.catch_up().found, s.catch_up().given_up), (1, 0));
    }

    pub(super) async fn what_people_wrote_while_it_was_dead_is_answered_once_and_in_order(s: &mut Story) {
        s.openai.answers("Hello.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.kill().await;
        thread.reply("ana", "one?").await;
        s.clock.advance(TEN_MINUTES);
        thread.reply("ben", "two?").await;
        let direct = s.slack.dm("cat", "three?").await;
        let mention = s.slack.mention("dan", "#other", "four?").await;
        for (question, answer) in [("one?", "One."), ("two?", "Two."), ("three?", "Three."), ("four?", "Four.")] {
            s.openai.turn().when_asked(question).text(answer);
        }
        s.start().await;
        for answer in ["One.", "Two."] {
            thread.finishes(answer).await;
        }
        direct.finishes("Three.").await;
        mention.finishes("Four.").await;
        s.calm().await;
        assert_eq!(thread.answers(), ["Hello.", "One.", "Two."]);
        assert_eq!((s.openai.requests_seen(), s.catch_up().found, s.catch_up().given_up), (5, 4, 0));
        // Nothing is left to be found.
        s.restart().await;
        s.calm().await;
        assert_eq!((s.openai.requests_seen(), s.catch_up().found), (5, 0));
    }

    pub(super) async fn a_mention_in_the_middle_of_a_thread_is_found_too(s: &mut Story) {
        s.caught_up().await;
        s.kill().await;
        let thread = s.slack.post("ana", "#general", "lunch?").await;
        thread.reply("ben", "noon").await;
        thread.mention("ana", "where?").await;
        s.openai.answers("Downstairs.");
        s.start().await;
        thread.finishes("Downstairs.").await;
        s.openai.last_request().heard(["ana: lunch?", "ben: noon", "ana: where?"]);
        s.calm().await;
        assert_eq!(s.openai.requests_seen(), 1);
    }

    pub(super) async fn where_another_look_came_to_it_is_looked_for_all_the_same(s: &mut Story) {
        s.openai.answers("Hello.");
        let ours = s.slack.mention("ana", "#general", "hello").await;
        ours.finishes("Hello.").await;
        s.at_rest(&ours).await;
        s.caught_up().await;
        s.kill().await;
        ours.reply("ana", "are you there?").await;
        let theirs = s.slack.post("ben", "#general", "lunch?").await;
        s.clock.advance(Duration::from_secs(20 * 60));
        // Of one that had missed less, and died.
        let (store, now) = (s.store(), s.clock.now());
        let ThreadKey { workspace, channel, root } = ours.key();
        for root in [None, Some(root)] {
            let since = now - Duration::from_secs(60);
            let looked = Looked { channel: channel.clone(), root, since, at: now };
            store.note_looked(&workspace, &looked, now).await.unwrap();
        }
        drop(store);
        s.clock.advance(Duration::from_secs(60));
        theirs.mention("ben", "where?").await;
        s.openai.turn().when_asked("are you there?").text("Here.");
        s.openai.turn().when_asked("where?").text("Downstairs.");
        s.start().await;
        ours.finishes("Here.").await;
        theirs.finishes("Downstairs.").await;
    }

    pub(super) async fn edits_and_deletions_that_were_missed_count(s: &mut Story) {
        s.openai.answers("Hello.").answers("Noted.").answers("A dog.");
        let thread = s.slack.mention("ana", "#general", "I have a cat").await;
        thread.finishes("Hello.").await;
        let secret = thread.reply("ana", "my secret is 42").await;
        thread.finishes("Noted.").await;
        s.at_rest(&thread).await;
        s.kill().await;
        s.clock.advance(Duration::from_secs(60));
        thread.edit(&thread.first(), "@assistant I have a dog").await;
        thread.delete(&secret).await;
        s.start().await;
        s.caught_up().await;
        thread.reply("ana", "what do I have?").await;
        thread.finishes("A dog.").await;
        s.openai.last_request().heard(["I have a dog", "Hello.", "Noted.", "what do I have?"]);
    }

    pub(super) async fn the_first_answer_after_a_gap_is_made_from_the_thread_as_it_stands(s: &mut Story) {
        s.openai.answers("Hello.").answers("Noted.").answers("A dog.");
        let thread = s.slack.mention("ana", "#general", "I have a cat").await;
        thread.finishes("Hello.").await;
        let secret = thread.reply("ana", "my secret is 42").await;
        thread.finishes("Noted.").await;
        s.at_rest(&thread).await;
        s.kill().await;
        s.clock.advance(MINUTE);
        thread.reply("ben", "what does she have?").await;
        thread.edit(&thread.first(), "@assistant I have a dog").await;
        thread.delete(&secret).await;
        let reading = Gate::closed();
        let _slow = s.slack.next("conversations.replies").slow(&reading);
        s.start().await;
        reading.reached().await;
        let changing = s.holds_step("reconcile");
        reading.open();
        changing.reached().await;
        // Here is time for a whole answer.
        s.nothing_under_way().await;
        changing.open();
        thread.finishes("A dog.").await;
        s.openai.last_request().heard(["ana: I have a dog", "Hello.", "Noted.", "ben: what does she have?"]);
    }

    pub(super) async fn an_old_post_that_waits_for_an_answer_and_was_deleted_meanwhile_gets_none(s: &mut Story) {
        let thread = s.slack.post("ana", "#general", "lunch?").await;
        let old = thread.reply("ben", "who knows?").await;
        thread.delete(&thread.first()).await;
        s.passes(Duration::from_secs(26 * 3600)).await;
        s.restart().await;
        s.caught_up().await;
        let busy = s.openai.turn().text("No").gate("slow");
        thread.mention("ana", "when?").await;
        busy.reached("slow").await;
        thread.edit(&old, "@assistant do you know?").await;
        s.calm().await;
        s.kill().await;
        s.clock.advance(Duration::from_secs(60));
        thread.delete(&old).await;
        let again = s.openai.turn().gate("again").text("Noon.");
        s.start().await;
        again.reached("again").await;
        s.caught_up().await;
        again.open("again");
        thread.finishes("Noon.").await;
        s.calm().await;
        thread.shows_nothing_more().await;
        assert_eq!(s.openai.requests_seen(), 2);
    }

    pub(super) async fn a_gap_of_the_socket_is_closed(s: &mut Story) {
        s.openai.answers("Hello.").answers("Here.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.calm().await;
        let down = s.slack.next("apps.connections.open").fails("internal_error").always();
        s.slack.drop_sockets();
        s.until(|| s.slack.connections() == 0).await;
        thread.reply("ana", "anybody there?").await;
        down.lifted();
        s.waits_pass(0.0..=3.5, async { thread.finishes("Here.").await }).await;
        s.openai.last_request().heard(["hello", "Hello.", "anybody there?"]);
        assert_eq!(s.catch_up().found, 1);
    }

    pub(super) async fn what_is_older_than_the_bound_is_given_up_and_said_so(s: &mut Story) {
        s.restart_with(&[("limits.catch_up", "10m")]).await;
        s.openai.answers("Hello.").answers("Late.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.kill().await;
        thread.reply("ana", "too early?").await;
        s.clock.advance(TEN_MINUTES * 2);
        thread.reply("ana", "late?").await;
        s.start().await;
        thread.finishes("Late.").await;
        s.calm().await;
        assert_eq!((s.openai.requests_seen(), s.catch_up().given_up), (2, 1));
        assert!(s.catch_up().last_given_up.unwrap().1.contains("limits.catch_up"));
    }

    pub(super) async fn what_comes_while_a_thread_is_caught_up_with_comes_behind_it(s: &mut Story) {
        s.openai.answers("Hello.").answers("One.").answers("Two.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.kill().await;
        thread.reply("ana", "one?").await;
        let reading = Gate::closed();
        let _slow = s.slack.next("conversations.replies").slow(&reading);
        s.start().await;
        reading.reached().await;
        let (_, ()) = tokio::join!(thread.reply("ana", "two?"), async { reading.open() });
        thread.finishes("Two.").await;
        s.openai.last_request().heard(["hello", "Hello.", "one?", "One.", "two?"]);
    }

    pub(super) async fn a_thread_that_expired_meanwhile_is_caught_up_with(s: &mut Story) {
        s.openai.answers("Hello.").answers("Hello again.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.kill().await;
        s.clock.advance(Duration::from_secs(3500));
        thread.reply("ana", "are you there?").await;
        s.clock.advance(Duration::from_secs(300));
        s.start().await;
        thread.finishes("Hello again.").await;
        s.openai.last_request().heard(["hello", "Hello.", "are you there?"]);
    }

    pub(super) async fn where_slack_lets_nothing_be_read_it_is_said_and_the_rest_works(s: &mut Story) {
        s.openai.answers("Hello.").answers("Three.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.kill().await;
        thread.reply("ana", "one?").await;
        let direct = s.slack.dm("cat", "three?").await;
        let refused = s.slack.next("conversations.replies").fails("missing_scope");
        s.start().await;
        direct.finishes("Three.").await;
        s.calm().await;
        assert_eq!((refused.hits(), s.catch_up().given_up, s.catch_up().found), (1, 1, 1));
        let (status, page) = s.page("/readyz").await;
        let part = &serde_json::from_str::<Value>(&page).unwrap()["parts"]["catch_up"];
        assert_eq!((status, &part["state"]), (200, &"degraded".into()), "{page}");
        for said in ["missing_scope", &thread.key().to_string()] {
            assert!(part["says"].as_str().unwrap().contains(said), "{page}");
        }
        let (_, counted) = s.page("/metrics").await;
        // At least: other stories of this process are counted too.
        for name in ["chathakase_catch_up_given_up_total", "chathakase_catch_up_found_total"] {
            let count = counted.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
            assert!(count >= Some(1), "{name} is not counted: {count:?}");
        }
        thread.shows_nothing_more().await;
    }

    pub(super) async fn a_full_disk_delays_what_was_written_meanwhile_and_loses_nothing(s: &mut Story) {
        s.openai.answers("Hello.").answers("Here.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.calm().await;
        s.disk_is_full(true);
        thread.reply("ana", "anybody there?").await;
        thread.shows_only_to("ana", &texts::not_stored()).await;
        // Slack tries for minutes, and then no more.
        for (tries, wait) in [(2, MINUTE), (3, 5 * MINUTE)] {
            s.until(|| s.slack.events().last().unwrap().tries == tries).await;
            sent_again_after(s, wait).await;
        }
        s.until(|| s.slack.events().last().unwrap().fate == Fate::GivenUp).await;
        assert_eq!(s.openai.requests_seen(), 1);
        assert_eq!(
            s.slack.calls("chat.postEphemeral").len(),
            1,
            "she is told once, and not with each of Slack's tries"
        );
        s.disk_is_full(false);
        s.waits_pass(14.9..=15.1, async { thread.finishes("Here.").await }).await;
        s.calm().await;
        // Found, or stored by the last delivery when Slack no longer waited for its acknowledgement: answered once.
        assert_eq!(s.openai.requests_seen(), 2);
        thread.shows_nothing_more().await;
    }

    /// The full disk takes in nothing at the `tries`th delivery either, and Slack waits three seconds for an acknowledgement that does
    /// not come.
    async fn not_acknowledged(s: &Story, tries: u32) {
        while s.turned_away() < tries {
            tokio::task::yield_now().await;
        }
        s.clock.pass_sleep(Duration::from_secs(3)..=Duration::from_secs(3)).await;
    }

    /// The wait before Slack sends it again passes.
    async fn sent_again_after(s: &Story, wait: Duration) {
        s.slack.all_quiet().await;
        s.clock.advance(wait);
    }

    pub(super) async fn what_a_full_disk_kept_out_is_answered_when_slack_sends_it_again(s: &mut Story) {
        // Nothing is looked for: only Slack can bring it.
        s.restart_with(&[("limits.catch_up", "0s")]).await;
        s.openai.answers("Hello.").answers("Here.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.disk_is_full(true);
        tokio::join!(thread.reply("ana", "anybody there?"), not_acknowledged(s, 1));
        // The second try comes at once.
        not_acknowledged(s, 2).await;
        assert_eq!((s.openai.requests_seen(), s.slack.events().last().unwrap().fate), (1, Fate::OnItsWay));
        s.disk_is_full(false);
        sent_again_after(s, MINUTE).await;
        thread.finishes("Here.").await;
        s.openai.last_request().heard(["hello", "Hello.", "anybody there?"]);
        s.calm().await;
        assert_eq!((s.openai.requests_seen(), s.catch_up().found), (2, 0));
        assert!(s.slack.calls("chat.postEphemeral").len() <= 1, "that it waits is said at the first try only");
    }

    pub(super) async fn over_http_what_slack_gave_up_is_found_after_a_start(s: &mut Story) {
        s.openai.answers("Hello.").answers("Here.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.kill().await;
        s.unreachable();
        thread.reply("ana", "anybody there?").await;
        s.calm().await;
        s.start().await;
        thread.finishes("Here.").await;
        s.calm().await;
        assert_eq!(s.openai.requests_seen(), 2);
    }

    /// The assistant answers, then Slack cannot reach it, and gives up what Ana asks.
    async fn given_up(s: &mut Story) -> Thread {
        s.openai.answers("Hello.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.unreachable();
        thread.reply("ana", "anybody there?").await;
        s.time_goes_on(|| s.slack.events().last().unwrap().fate == Fate::GivenUp).await;
        assert_eq!((s.openai.requests_seen(), s.catch_up().looks), (1, 1));
        s.openai.turn().when_asked("anybody there?").text("Here.");
        thread
    }

    pub(super) async fn what_slack_gave_up_is_found_when_it_says_that_it_could_not_reach_us(s: &mut Story) {
        let thread = given_up(s).await;
        s.openai.turn().when_asked("and me?").text("You too.");
        let direct = s.slack.dm("cat", "and me?").await;
        s.slack.all_quiet().await;
        s.reachable();
        s.minutes_pass(1).await;
        direct.finishes("You too.").await;
        thread.finishes("Here.").await;
        s.calm().await;
        assert_eq!((s.catch_up().found, s.catch_up().given_up), (1, 0));
        let (_, counted) = s.page("/metrics").await;
        assert!(!counted.contains("chathakase_catch_up_looks_total{cause=\"retry\"} 0"), "{counted}");
    }

    pub(super) async fn what_slack_gave_up_is_found_when_nothing_else_comes(s: &mut Story) {
        let thread = given_up(s).await;
        s.minutes_pass(7).await;
        assert_eq!(s.openai.requests_seen(), 1, "who asks may just be silent");
        s.time_goes_on(|| s.catch_up().looks == 2).await;
        thread.finishes("Here.").await;
        assert_eq!((s.catch_up().found, s.catch_up().given_up), (1, 0));
        assert!(s.clock.monotonic() <= MINUTE * 16);
        s.reachable();
    }

    pub(super) async fn what_slack_gave_up_is_found_though_the_process_lived_on_before_it_died(s: &mut Story) {
        let thread = given_up(s).await;
        s.minutes_pass(6).await;
        assert_eq!(s.catch_up().looks, 1);
        s.kill_and_start().await;
        thread.finishes("Here.").await;
    }

    pub(super) async fn a_silence_is_one_only_if_nobody_hears_anything_and_one_looks_through_it(s: &mut Story) {
        let looks = |s: &Story| {
            [&s.assistant, &s.other].into_iter().flatten().map(|process| process.running.catch_up().looks).sum::<u64>()
        };
        // Those of the start are over.
        s.minutes_pass(1).await;
        let before = looks(s);
        s.time_goes_on(|| looks(s) > before).await;
        s.minutes_pass(5).await;
        assert_eq!(looks(s), before + 1);
        // Nobody looks while one of the two hears something.
        s.reaches_other();
        for _ in 0..5 {
            s.slack.post("ana", "#general", "not for you").await;
            s.minutes_pass(5).await;
        }
        assert_eq!(looks(s), before + 1);
    }

    /// Lets ten seconds pass, and waits until the link has said since then that it is alive.
    async fn link_lives_on(s: &Story) {
        s.passes(Duration::from_secs(10)).await;
        let heard = async {
            loop {
                let page: Value = serde_json::from_str(&s.page("/readyz").await.1).unwrap();
                let link = &page["parts"]["slack_link"];
                if link["state"] == "ok" && link["age_seconds"].as_u64().is_some_and(|age| age < 10) {
                    break;
                }
            }
        };
        over_in(Duration::from_secs(10), heard).await.expect("a link that answers each ping");
    }

    pub(super) async fn a_long_silence_of_the_socket_is_looked_through(s: &mut Story) {
        s.openai.answers("Hello.").answers("Here.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.slack.hold_events();
        thread.reply("ana", "anybody there?").await;
        s.slack.lose_held();
        let (before, began) = (s.catch_up().looks, s.clock.monotonic());
        while s.catch_up().looks == before {
            assert!(s.clock.monotonic() - began < MINUTE * 20, "nobody looks");
            link_lives_on(s).await;
        }
        thread.finishes("Here.").await;
        assert_eq!(s.catch_up().found, 1);
        assert!(s.clock.monotonic() - began >= MINUTE * 14, "it was no gap of the link");
    }
}
