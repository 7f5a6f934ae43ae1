//! Numbers for new rows, taken from the database's sequences many at a time, so that a step seldom waits for one.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Numbers that nobody else has, the smallest first.
#[derive(Debug, Default)]
pub(super) struct Lot {
    pub(super) turns: BTreeSet<u64>,
    /// For threads, sessions and contents.
    pub(super) others: BTreeSet<u64>,
}

/// What the writers of a process have left over.
#[derive(Debug, Default)]
pub(super) struct Numbers(Mutex<Lot>);

/// How many turns one number of the sequence stands for: as the migration says.
pub(super) const TURNS_AT_ONCE: u64 = 8;
/// The same for other numbers.
pub(super) const OTHERS_AT_ONCE: u64 = 256;

impl Numbers {
    /// Takes as many as there are, up to so many turns and others.
    pub(super) fn take(&self, turns: usize, others: usize) -> Lot {
        let mut left = self.lock();
        let mut lot = Lot::default();
        lot.turns.extend((0..turns).map_while(|_| left.turns.pop_first()));
        lot.others.extend((0..others).map_while(|_| left.others.pop_first()));
        lot
    }

    pub(super) fn give_back(&self, lot: Lot) {
        let mut left = self.lock();
        left.turns.extend(lot.turns);
        left.others.extend(lot.others);
    }

    fn lock(&self) -> MutexGuard<'_, Lot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
