//! Durations as people write them: `90s`, `5m`, `1h`, `30d`, and sums such as `1h30m`.

use std::time::Duration;

/// Reads one or more numbers, each with its unit: `ms`, `s`, `m`, `h`, `d`.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit_len = rest[digits..].find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len() - digits);
        let unit_ms: u64 = match &rest[digits..digits + unit_len] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        total = total.checked_add(Duration::from_millis(number.checked_mul(unit_ms)?))?;
        rest = &rest[digits + unit_len..];
    }
    Some(total)
}

/// Writes a duration in the largest unit that holds it whole: `90s`, `1h`, `3650d`.
pub(crate) fn show(time: Duration) -> String {
    let ms = time.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let whole = units.iter().find(|(unit, _)| ms > 0 && ms.is_multiple_of(*unit));
    match whole {
        Some((unit, name)) => format!("{}{name}", ms / unit),
        None if ms == 0 => "0s".to_owned(),
        None => format!("{ms}ms"),
    }
}

/// Writes a time roughly, in its largest unit and without what is left over: `3m`, `325d`.
pub(crate) fn rounded(time: Duration) -> String {
    let secs = time.as_secs();
    let unit = [86_400, 3_600, 60].into_iter().find(|unit| secs >= *unit).unwrap_or(1);
    show(Duration::from_secs(secs / unit * unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_as_the_same() {
        for text in ["0s", "1s", "90s", "290s", "5m", "1h", "25h", "30d", "3650d", "250ms"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, ms) in [
            ("90s", 90_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("30d", 2_592_000_000),
            ("1h30m", 5_400_000),
            (" 250ms ", 250),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(ms)), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            " ",
            "90",
            "s",
            "1x",
            "1.5h",
            "-1s",
            "1h 30m",
            "99999999999999999999s",
            "1hour",
            "٣s",
            "18446744073709551615d",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
