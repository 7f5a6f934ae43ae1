//! What is asked and what must be answered: each text tells its place, so that a wrong one cannot pass for the right one.

/// What a person asks in the `turn`th turn of a thread, counted from 1.
pub(crate) fn question(thread: usize, turn: usize) -> String {
    format!("Thread {thread} turn {turn}: what do you remember of all that we said here?")
}

/// The right answer to it: twenty words.
pub(crate) fn answer(thread: usize, turn: usize) -> String {
    let heard = 2 * turn - 1;
    format!(
        "Thread {thread} turn {turn}: I was sent all {heard} messages and remember every one of them, in their right order."
    )
}

/// What the model says to a conversation: the right answer if it was sent the whole thread, each message in its place, and nothing else.
pub(crate) fn reply_to(conversation: &[&str]) -> String {
    let asked = conversation.last().and_then(|question| place(question));
    match asked {
        Some((thread, turn)) if is_whole(conversation, thread, turn) => answer(thread, turn),
        _ => format!("What I was sent is not a whole thread: {conversation:?}"),
    }
}

fn is_whole(conversation: &[&str], thread: usize, turns: usize) -> bool {
    let expected = (1..=turns).flat_map(|turn| [question(thread, turn), answer(thread, turn)]);
    conversation.len() == 2 * turns - 1 && conversation.iter().zip(expected).all(|(sent, right)| *sent == right)
}

fn place(question: &str) -> Option<(usize, usize)> {
    let (place, _) = question.strip_prefix("Thread ")?.split_once(':')?;
    let (thread, turn) = place.split_once(" turn ")?;
    Some((thread.parse().ok()?, turn.parse().ok().filter(|turn| *turn > 0)?))
}
