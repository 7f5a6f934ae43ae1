//! JSON strings written straight into a request's buffer.

/// Bytes looked at in one step. The compiler makes a few vector instructions of it.
const STEP: usize = 16;
const WORD: usize = size_of::<u64>();

/// What follows the backslash in a byte's short escape; 0 where it has none.
const SHORT: [u8; 256] = {
    let mut short = [0; 256];
    let pairs = [(b'"', b'"'), (b'\\', b'\\'), (b'\n', b'n'), (b'\r', b'r'), (b'\t', b't'), (0x08, b'b'), (0x0C, b'f')];
    let mut n = 0;
    while n < pairs.len() {
        short[pairs[n].0 as usize] = pairs[n].1;
        n += 1;
    }
    short
};

/// Appends `text` to `out` with the escapes that JSON demands, without the quotes around it. The same bytes as serde_json's.
///
/// Most text needs no escape for long runs, so that finding and copying those runs is what counts.
pub(crate) fn escape(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    loop {
        let plain = plain_run(rest);
        out.extend_from_slice(&rest[..plain]);
        let Some(&byte) = rest.get(plain) else { return };
        match SHORT[usize::from(byte)] {
            0 => escape_in_full(byte, out),
            short => out.extend_from_slice(&[b'\\', short]),
        }
        rest = &rest[plain + 1..];
    }
}

#[cold]
fn escape_in_full(byte: u8, out: &mut Vec<u8>) {
    let hex = |digit: u8| b"0123456789abcdef"[usize::from(digit)];
    out.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 0xF)]);
}

const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// How many bytes at the start need no escape: by steps, then by words, then one by one.
fn plain_run(bytes: &[u8]) -> usize {
    let mut run = 0;
    // Without an early end inside a step, or the compiler makes no vector instructions of it.
    for step in bytes.chunks_exact(STEP) {
        if step.iter().fold(false, |found, &byte| found | needs_escape(byte)) {
            break;
        }
        run += STEP;
    }
    while let Some(word) = bytes[run..].first_chunk::<WORD>() {
        match marks(u64::from_le_bytes(*word)) {
            0 => run += WORD,
            marks => return run + marks.trailing_zeros() as usize / 8,
        }
    }
    run + bytes[run..].iter().position(|&byte| needs_escape(byte)).unwrap_or(bytes.len() - run)
}

/// A word whose lowest bit that is set is in the lowest byte of `word` that needs an escape; 0 if there is none.
///
/// In `x - n` of every byte at once, the top bit of a byte is set where the byte was smaller than `n`, up to `n = 128`. It may
/// also be set above such a byte, because of what that one borrowed, and where it was set before, which `!x` takes out.
const fn marks(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const TOPS: u64 = ONES << 7;
    const fn smaller(x: u64, than: u8) -> u64 {
        x.wrapping_sub(ONES * than as u64) & !x
    }
    const fn equal(x: u64, to: u8) -> u64 {
        smaller(x ^ (ONES * to as u64), 1)
    }
    (smaller(word, 0x20) | equal(word, b'"') | equal(word, b'\\')) & TOPS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn as_serde_writes_it(text: &str) {
        let mut ours = vec![b'"'];
        escape(text, &mut ours);
        ours.push(b'"');
        assert_eq!(String::from_utf8(ours).unwrap(), serde_json::to_string(text).unwrap());
    }

    #[test]
    fn every_ascii_character_is_escaped_as_serde_json_does() {
        for byte in 0..128_u8 {
            for before in [0, 1, STEP - 1, STEP, 2 * STEP] {
                as_serde_writes_it(&format!("{}{}tail", "x".repeat(before), char::from(byte)));
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_escaped_as_serde_json_does(text in "(?s).{0,200}", lines in "[a-z \"\\\\\n\u{7f}\u{2028}é👩]{0,200}") {
            as_serde_writes_it(&text);
            as_serde_writes_it(&lines);
        }
    }
}
