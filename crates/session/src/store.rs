//! The contract of a session store.
