//! How long the disk takes to keep what it is given: the part of each acknowledgement that no program can make shorter.

use std::{
    io::{Seek, SeekFrom, Write},
    time::{Duration, Instant},
};

const WRITES: usize = 200;
const WRITE_BYTES: usize = 4096;

/// Small writes to a file that is large enough already, each made durable before the next.
pub(crate) fn durable_writes() -> anyhow::Result<Vec<Duration>> {
    let mut file = tempfile::tempfile()?;
    file.write_all(&vec![0; WRITES * WRITE_BYTES])?;
    file.sync_all()?;
    let mut times = Vec::with_capacity(WRITES);
    file.seek(SeekFrom::Start(0))?;
    for _ in 0..WRITES {
        let began = Instant::now();
        file.write_all(&[1; WRITE_BYTES])?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    Ok(times)
}
