//! The stores that keep sessions: in memory and in SQLite, behind one contract.
//!
//! [`open`] takes an address and gives a [`SessionStore`]. What a step decides is written once, in `steps`, over single
//! rows; a store adds how rows are kept (`memory`, `sqlite`) and how a step becomes one durable transaction. This crate is
//! the only place with SQL.

mod codec;
pub mod memory;
mod rows;
mod steps;

pub use memory::MemoryStore;
