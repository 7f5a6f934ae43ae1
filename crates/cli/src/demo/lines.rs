//! Lines from standard input.

use std::io::{self, BufRead, Read};

use tokio::sync::mpsc;

/// Longest line in bytes; what is longer comes as several. Slack's longest message has 40,000 characters.
const LINE_BYTES_MAX: u64 = 1 << 17;
/// Lines that were read ahead.
const AHEAD_MAX: usize = 64;

/// Reads standard input until it ends. On a thread of its own: nobody can be made to end a read, and a runtime would wait for it.
pub(crate) fn stdin() -> mpsc::Receiver<io::Result<String>> {
    let (out, lines) = mpsc::channel(AHEAD_MAX);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Some(line) = next(&mut input).transpose() {
            let failed = line.is_err();
            if out.blocking_send(line).is_err() || failed {
                return;
            }
        }
    });
    lines
}

/// The next line without its end; bytes that are no text are replaced.
fn next(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if input.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_without_their_ends_until_the_input_ends() {
        let mut input: &[u8] = b"one\r\n\ntw\xffo\nlast";
        let lines: Vec<_> = std::iter::from_fn(|| next(&mut input).unwrap()).collect();
        assert_eq!(lines, ["one", "", "tw\u{fffd}o", "last"]);
    }

    #[test]
    fn a_line_without_end_comes_in_pieces() {
        let long = vec![b'x'; LINE_BYTES_MAX as usize + 1];
        let mut input = &long[..];
        assert_eq!(next(&mut input).unwrap().unwrap().len(), LINE_BYTES_MAX as usize);
        assert_eq!(next(&mut input).unwrap().as_deref(), Some("x"));
        assert_eq!(next(&mut input).unwrap(), None);
    }
}
