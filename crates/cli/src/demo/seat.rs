//! Who speaks, and where what they say next goes.

use super::threads::Threads;

/// Where a line goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Begins a thread in this channel, with a mention.
    Channel(String),
    /// Begins a thread in the speaker's direct messages.
    Dm,
    /// Into the thread with this number; no mention is needed.
    Thread(usize),
}

/// Who speaks where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) who: String,
    pub(crate) place: Place,
}

impl Seat {
    /// Somebody else sits down. Another one's direct messages are not theirs to write in.
    pub(crate) fn taken_by(&mut self, who: String, threads: &Threads) {
        if let Place::Thread(number) = self.place
            && threads.get(number).is_some_and(|thread| thread.is_direct() && thread.by != who)
        {
            self.place = Place::Dm;
        }
        self.who = who;
    }

    /// Stays where it is, to begin another thread there.
    pub(crate) fn begin_anew(&mut self, threads: &Threads) {
        if let Place::Thread(number) = self.place {
            self.place = match threads.get(number) {
                Some(thread) if !thread.is_direct() => Place::Channel(thread.place.clone()),
                _ => Place::Dm,
            };
        }
    }

    /// Goes to a thread; in direct messages, as the person they belong to. Whether there is such a thread.
    pub(crate) fn go_to(&mut self, number: usize, threads: &Threads) -> bool {
        let Some(thread) = threads.get(number) else { return false };
        if thread.is_direct() {
            self.who.clone_from(&thread.by);
        }
        self.place = Place::Thread(number);
        true
    }

    /// Who and where, in a few words.
    pub(crate) fn label(&self, threads: &Threads) -> (String, String) {
        let place = match &self.place {
            Place::Channel(channel) => format!("{channel}, new thread"),
            Place::Dm => "direct messages, new thread".to_owned(),
            Place::Thread(number) => {
                let channel = threads.get(*number).filter(|thread| !thread.is_direct());
                format!("{}, thread {number}", channel.map_or("direct messages", |thread| thread.place.as_str()))
            }
        };
        (self.who.clone(), place)
    }
}

#[cfg(test)]
mod tests {
    use chathakase_sim::slack::{Happening, What};

    use super::*;

    /// Thread 1 in #general, thread 2 in ana's direct messages.
    fn threads() -> Threads {
        let mut threads = Threads::default();
        for (channel, place, ts) in
            [("C0000001", "#general", "1.000001"), ("D0000001", "direct messages with ana", "2.000001")]
        {
            let ts = ts.parse().unwrap();
            let what = What::Posted { text: String::new(), streaming: false };
            let channel = channel.parse().unwrap();
            threads.number(&Happening { channel, place: place.into(), thread: ts, ts, who: "ana".into(), what });
        }
        threads
    }

    fn seat(who: &str, place: Place) -> Seat {
        Seat { who: who.into(), place }
    }

    #[test]
    fn another_person_stays_in_a_channel_but_not_in_direct_messages_of_others() {
        for (before, who, after) in [
            (Place::Thread(1), "ben", Place::Thread(1)),
            (Place::Channel("#x".into()), "ben", Place::Channel("#x".into())),
            (Place::Thread(2), "ben", Place::Dm),
            (Place::Thread(2), "ana", Place::Thread(2)),
            (Place::Dm, "ben", Place::Dm),
        ] {
            let mut sits = seat("ana", before);
            sits.taken_by(who.into(), &threads());
            assert_eq!(sits, seat(who, after));
        }
    }

    #[test]
    fn a_new_thread_begins_where_one_is() {
        for (before, after) in [
            (Place::Thread(1), Place::Channel("#general".into())),
            (Place::Thread(2), Place::Dm),
            (Place::Dm, Place::Dm),
            (Place::Channel("#x".into()), Place::Channel("#x".into())),
        ] {
            let mut sits = seat("ana", before);
            sits.begin_anew(&threads());
            assert_eq!(sits.place, after);
        }
    }

    #[test]
    fn who_goes_to_direct_messages_is_whose_they_are() {
        let mut sits = seat("ben", Place::Dm);
        assert!(sits.go_to(1, &threads()));
        assert_eq!(sits, seat("ben", Place::Thread(1)));
        assert!(sits.go_to(2, &threads()));
        assert_eq!(sits, seat("ana", Place::Thread(2)));
        assert!(!sits.go_to(3, &threads()) && !sits.go_to(0, &threads()));
        assert_eq!(sits, seat("ana", Place::Thread(2)));
    }

    #[test]
    fn a_label_says_who_and_where() {
        for (place, said) in [
            (Place::Channel("#x".into()), "#x, new thread"),
            (Place::Dm, "direct messages, new thread"),
            (Place::Thread(1), "#general, thread 1"),
            (Place::Thread(2), "direct messages, thread 2"),
        ] {
            assert_eq!(seat("ana", place).label(&threads()), ("ana".to_owned(), said.to_owned()));
        }
    }
}
