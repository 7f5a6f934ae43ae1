//! When to ask again.

use std::time::Duration;

use chathakase_session::Timestamp;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Wait before the first retry; each further one waits twice as long.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);

/// Longest wait that we choose ourselves.
const BACKOFF_MAX: Duration = Duration::from_secs(8);

/// Longest `Retry-After` that is waited for while a person looks at an empty thread. A longer one fails the answer at
/// once.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(20);

/// How long to wait before retry number `retry` (0 is the first), or `None` when the server wants more patience than we
/// have.
///
/// Up to half of the wait is left to chance, so that those who failed together do not come back together; what the
/// server asked for is never cut short.
pub(crate) fn wait_before(retry: u32, retry_after: Option<Duration>) -> Option<Duration> {
    let backoff = BACKOFF_FIRST.saturating_mul(1 << retry.min(10)).min(BACKOFF_MAX);
    let chance = rand::random_range(0.5..1.0);
    match retry_after {
        Some(asked) if asked > RETRY_AFTER_MAX => None,
        Some(asked) => Some(asked + BACKOFF_FIRST.mul_f64(chance)),
        None => Some(backoff.mul_f64(chance)),
    }
}

/// Reads `Retry-After` (RFC 9110: seconds or a date) and OpenAI's finer `retry-after-ms`. What cannot be read is none.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let number = |name: &str| -> Option<f64> { headers.get(name)?.to_str().ok()?.trim().parse().ok() };
    let millis = number("retry-after-ms").map(|ms| ms / 1000.0);
    if let Some(secs) = millis.or_else(|| number(RETRY_AFTER.as_str())) {
        return Duration::try_from_secs_f64(secs).ok();
    }
    let date = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date.trim()).ok()?;
    Some(Timestamp::from_millis(date.as_millisecond()).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_read_in_all_its_forms() {
        let now = Timestamp::from_secs(1_767_225_600); // 2026-01-01 00:00:00
        let check = |name: &'static str, value: &str, wait: Option<f64>| {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), wait.map(Duration::from_secs_f64), "{name}: {value}");
        };
        check("retry-after", "7", Some(7.0));
        check("retry-after", " 0.5 ", Some(0.5));
        check("retry-after-ms", "250", Some(0.25));
        check("retry-after", "Thu, 01 Jan 2026 00:00:09 GMT", Some(9.0));
        check("retry-after", "Wed, 31 Dec 2025 23:00:00 GMT", Some(0.0));
        for none in ["", "soon", "-1", "NaN", "inf", "1e300", "Thu, 99 Jan 2026"] {
            check("retry-after", none, None);
        }
    }

    #[test]
    fn waits_double_up_to_their_limit_and_never_cut_short_what_the_server_asked_for() {
        for _ in 0..200 {
            for (retry, most) in [(0, 0.5), (1, 1.0), (2, 2.0), (4, 8.0), (31, 8.0), (u32::MAX, 8.0)] {
                let wait = wait_before(retry, None).unwrap().as_secs_f64();
                assert!(wait >= most / 2.0 && wait <= most, "retry {retry}: {wait}");
            }
            let wait = wait_before(0, Some(Duration::from_secs(20))).unwrap();
            assert!(wait >= Duration::from_secs(20) && wait < Duration::from_secs(21), "{wait:?}");
        }
        assert_eq!(wait_before(0, Some(Duration::from_millis(20_001))), None);
    }
}
