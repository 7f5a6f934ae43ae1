//! Words of the contract as numbers in rows. A number is never given another meaning.

use chathakase_session::{
    Kind, Role,
    message::Ending,
    turn::{Delivery, Outcome, PartMode, PartState, TurnKind, TurnState},
};

/// A word that a row holds as a number.
pub(crate) trait Code: Sized + Copy {
    fn code(self) -> i64;
    fn of(code: i64) -> Option<Self>;
}

/// [`Place`](crate::rows::Place) without what goes with it.
#[derive(Clone, Copy)]
pub(crate) enum PlaceCode {
    Stored,
    Expired,
    Erased,
    Passed,
    Refused,
    StoredRefused,
}

macro_rules! codes {
    ($($name:ident { $($word:ident = $code:literal),* $(,)? })*) => { $(
        impl Code for $name {
            fn code(self) -> i64 {
                match self { $(Self::$word => $code),* }
            }
            fn of(code: i64) -> Option<Self> {
                match code { $($code => Some(Self::$word),)* _ => None }
            }
        }
    )* };
}

codes! {
    Role { User = 0, Assistant = 1, System = 2 }
    Kind { Accepted = 0, Context = 1, Command = 2 }
    Ending { Complete = 0, Length = 1, ContentFilter = 2, Cut = 3, Stopped = 4 }
    TurnKind { Answer = 0, Command = 1 }
    TurnState { Queued = 0, Running = 1, Closed = 2 }
    Outcome { Answered = 0, Failed = 1, Stopped = 2 }
    Delivery { Pending = 0, Done = 1 }
    PartMode { Stream = 0, Update = 1, Single = 2 }
    PlaceCode { Stored = 0, Expired = 1, Erased = 2, Passed = 3, Refused = 4, StoredRefused = 5 }
    PartState { Intended = 0, Open = 1, Done = 2 }
}
