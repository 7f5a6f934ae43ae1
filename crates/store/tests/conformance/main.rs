//! What every session store does. A new check is one function and one word in the list; a new store is one function in
//! `open` and one line in the macro.

mod checks;
mod kit;
mod open;

macro_rules! every_store {
    ($($topic:ident: $($check:ident),* $(,)?;)*) => { $($(
        mod $check {
            #[tokio::test]
            async fn memory() {
                crate::checks::$topic::$check(crate::open::memory).await;
            }
            #[tokio::test]
            async fn sqlite() {
                crate::checks::$topic::$check(crate::open::sqlite).await;
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
        what_is_not_claimed_waits_for_a_claim;
    turns:
        three_quick_messages_give_two_turns_in_order,
        commands_do_not_wait_and_enter_no_window,
        a_turn_answers_from_its_first_to_its_last_message_whatever_their_order,
        a_second_closing_is_ignored,
        a_failed_turn_says_nothing_in_the_session,
        the_words_before_a_cut_stay_with_their_ending,
        a_turn_that_is_not_closed_cannot_be_delivered,
        delivery_leaves_the_next_turn_to_whoever_claims_it,
        parts_are_known_to_a_new_owner;
    leases:
        an_owner_that_renews_keeps_its_turn,
        a_lost_lease_refuses_every_write,
        adoption_counts_deaths_and_brings_what_was_decided,
        a_lease_given_back_is_free_at_once,
        claims_are_oldest_first_and_no_more_than_asked_for,
        two_claimers_never_hold_one_turn;
}
