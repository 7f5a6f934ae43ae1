//! What a test does and sees as a person.

mod eyes;
mod listen;
mod people;
mod saying;
mod thread;
mod wait;

pub use eyes::{Eyes, Face, Place, Replies, Sight, Stood};
pub use listen::{Changes, Feed};
pub use people::Install;
pub use saying::Saying;
pub use thread::{Post, Said, Thread};
