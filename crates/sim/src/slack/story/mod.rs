//! What a test does and sees as a person.

mod people;
mod saying;
mod thread;
mod wait;

pub use people::Install;
pub use saying::Saying;
pub use thread::{Post, Said, Thread};
