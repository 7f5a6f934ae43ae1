//! What every session store does. A new check is one function and one word in the list; a new store is one function in
//! `open` and one line in the macro.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

// `cargo bolero` builds every target of a package with its engine, which comes with this library.
use bolero as _;

mod checks;
mod kit;
mod model;
mod open;
mod together;

macro_rules! every_store {
    ($($topic:ident: $($check:ident),* $(,)?;)*) => { $($(
        mod $check {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn memory() {
                crate::checks::$topic::$check(crate::open::memory).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                crate::checks::$topic::$check(crate::open::sqlite).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if test_database::TestDatabase::is_there() {
                    crate::checks::$topic::$check(crate::open::postgres).await;
                }
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres_behind_a_pooler() {
                if test_database::TestDatabase::is_there() {
                    crate::checks::$topic::$check(crate::open::pooled).await;
                }
            }
        }
    )*)* };
}

every_store! {
    receiving:
        a_post_is_stored_once,
        a_context_post_that_asks_later_is_accepted_once,
        a_command_known_as_context_is_carried_out_once,
        a_reply_enters_only_a_joined_thread,
        equal_roots_in_two_channels_and_workspaces_never_mix,
        a_full_queue_keeps_nothing_and_says_so,
        bots_in_a_row_are_counted_until_a_person_asks,
        however_many_bots_write_at_once_only_so_many_are_answered_in_a_row,
        what_is_not_claimed_waits_for_a_claim,
        what_others_wrote_before_we_were_asked_in_is_not_for_us,
        a_post_that_opens_its_thread_late_is_told_of_the_younger_ones,
        a_reading_leaves_replies_that_came_before_their_mention_to_be_questions,
        an_edit_that_comes_before_its_post_keeps_the_older_text_out,
        marks_of_posts_that_were_not_taken_in_are_forgotten;
    refusing:
        what_was_refused_stays_so_when_there_is_room,
        what_was_refused_may_be_read_back_and_is_never_asked,
        context_that_asks_when_too_much_waits_stays_context,
        context_that_was_refused_is_known_as_that_when_its_session_is_over,
        a_reply_refused_after_its_mention_came_is_not_named_again,
        a_bot_that_was_one_too_many_in_a_row_is_not_answered_later;
    turns:
        three_quick_messages_give_two_turns_in_order,
        commands_do_not_wait_and_enter_no_window,
        a_turn_answers_from_its_first_to_its_last_message_whatever_their_order,
        a_second_closing_is_ignored,
        a_failed_turn_says_nothing_in_the_session,
        the_words_before_a_cut_stay_with_their_ending,
        a_turn_that_is_not_closed_cannot_be_delivered,
        a_turn_comes_with_its_history,
        delivery_leaves_the_next_turn_to_whoever_claims_it,
        parts_are_known_to_a_new_owner;
    leases:
        an_owner_that_renews_keeps_its_turn,
        a_lost_lease_refuses_every_write,
        that_an_answer_is_repeated_outlives_its_owner,
        of_two_leases_of_one_owner_the_later_counts,
        adoption_counts_deaths_and_brings_what_was_decided,
        an_answer_that_was_stopped_while_it_was_shown_is_remembered_as_far_as_it_was,
        a_lease_given_back_is_free_at_once,
        a_turn_put_off_is_free_later_and_nobody_died,
        a_stop_reaches_the_owner_and_outlives_it,
        a_late_stop_leaves_the_next_answer_alone,
        posts_of_other_turns_are_told_from_a_turns_own,
        the_more_owners_died_over_a_turn_the_fewer_such_run_beside_it,
        what_may_kill_its_process_is_joined_by_no_other_suspect,
        the_worst_that_a_process_holds_says_how_many_it_may,
        a_turn_given_back_after_one_death_is_no_suspect,
        claims_are_oldest_first_and_no_more_than_asked_for,
        a_command_without_an_owner_waits_for_no_room_of_the_models,
        no_more_commands_are_claimed_than_are_wanted,
        two_claimers_never_hold_one_turn;
    processes:
        processes_that_live_are_counted,
        the_last_good_moment_never_goes_back,
        who_looks_takes_over_what_the_dead_missed,
        a_new_process_has_missed_what_any_other_has,
        who_lives_is_told_how_good_it_is_with_the_others_and_who_is_first,
        who_ends_without_a_gap_leaves_nothing_while_others_live,
        where_a_look_came_to_is_kept_until_nobody_has_missed_anything_since;
    editing:
        an_edit_changes_the_text_and_the_later_one_wins,
        an_edit_that_a_reading_is_too_old_for_has_the_thread_read_again,
        an_edit_is_the_post_while_its_thread_is_read,
        an_edit_of_what_expired_is_the_post_while_its_thread_is_read_again,
        an_edit_of_what_expired_keeps_the_older_text_out,
        an_edit_of_what_expired_has_a_reading_that_is_too_old_done_again;
    changing:
        a_post_erased_before_it_arrives_stays_out,
        an_erased_message_is_gone_and_never_comes_back,
        a_post_erased_after_its_session_expired_never_comes_back,
        a_waiting_turn_without_messages_is_dropped,
        a_waiting_turn_knows_what_is_left_of_it,
        an_erased_command_is_not_carried_out,
        a_running_turn_is_stopped_with_its_last_message,
        an_answer_is_retracted_with_any_of_its_parts,
        a_question_that_a_reading_brings_is_its_turns,
        a_question_that_a_reading_brings_is_shown_however_much_was_said_since,
        of_more_questions_than_a_window_shows_a_reading_leaves_some_to_be_asked_when_they_come,
        an_older_mention_that_a_reading_brings_opens_the_thread_from_there_on,
        what_was_not_for_us_or_comes_to_a_stopped_turn_is_no_question_of_its,
        an_answer_deleted_while_it_is_brought_is_forgotten_with_its_delivery,
        an_answer_of_which_the_thread_shows_nothing_was_not_said,
        a_reading_finds_the_last_answer_deleted_unless_it_is_too_young,
        a_reading_from_the_middle_finds_deleted_answers_to_what_was_said_before,
        a_first_post_that_asks_after_others_has_its_thread_read,
        the_answer_to_cleared_words_is_not_read_back,
        a_reading_never_takes_away_the_question_it_is_for,
        a_reading_brings_edits_and_deletions_that_were_missed,
        what_came_while_a_thread_was_read_is_not_taken_for_deleted,
        a_new_answer_is_not_taken_for_deleted_where_our_clock_is_ahead,
        the_last_message_takes_the_session_with_it,
        clearing_erases_up_to_the_moment_and_stays_joined,
        what_was_said_before_a_clear_never_returns,
        clearing_by_a_command_closes_its_turn_in_the_same_step,
        an_answer_to_cleared_words_is_shown_and_forgotten,
        clearing_between_closing_and_delivery_keeps_the_words_until_then;
    ending:
        only_due_sessions_expire_and_in_order,
        few_sessions_are_left_alone,
        a_session_with_an_open_turn_does_not_expire,
        an_expired_session_is_out_of_sight_before_the_sweep,
        a_thread_stays_joined_and_begins_unread_after_expiry,
        a_redelivered_question_of_an_expired_session_is_known,
        old_marks_are_forgotten,
        what_is_read_back_is_context_and_known_once,
        what_expired_can_be_read_back_and_is_not_asked_again,
        our_own_parts_are_not_read_back,
        what_was_not_read_is_counted_as_left_out,
        a_session_that_begins_with_its_root_has_nothing_to_read;
    looking:
        history_is_in_window_order_whatever_the_order_of_arrival,
        history_keeps_the_newest_the_first_and_the_count_of_the_rest,
        history_hides_what_waits_for_a_later_turn,
        messages_come_by_page_with_commands,
        sessions_come_newest_first_by_page,
        statistics_count_what_is_active,
        the_load_counts_what_runs_and_what_waits,
        the_load_counts_no_more_sessions_than_it_may,
        an_unknown_thread_has_nothing,
        the_greatest_numbers_are_taken,
        threads_we_were_in_lately_are_found_also_after_they_expired,
        counted_tokens_are_remembered_until_the_text_changes,
        three_hundred_people_are_all_known,
        a_person_is_known_by_the_name_last_heard,
        any_text_comes_back_as_it_was,
        a_closed_store_says_so;
}
