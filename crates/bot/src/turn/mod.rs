//! A turn from its claim to its delivery: a pure machine decides, the driver acts.

mod adopt;
mod deliver;
mod driver;
mod journal;
mod late;
mod machine;
mod read_back;
mod recover;
mod stop;
mod thinking;

pub(crate) use driver::{Driver, Tools, answered};
pub(crate) use journal::Hold;
