use super::*;

const AT: &str = "1700000000";

fn secret() -> SecretString {
    "test-secret".into()
}

fn now() -> Timestamp {
    Timestamp::from_secs(1_700_000_000)
}

#[test]
fn the_signatures_are_those_that_slack_makes() {
    for (body, signature) in [
        (
            r#"{"type":"url_verification","challenge":"abc"}"#,
            "v0=30cd036a1aa3547d366257b90da96c07e6feb44c7936a2ab807e90d9011c89d0",
        ),
        (
            "command=%2Fask&text=h%C3%A9llo+%26+bye&user_id=U1",
            "v0=254926f9d1fde907b05188282465a0e216bc3ba5f360ce651c3071b1ccdd3ea9",
        ),
    ] {
        assert_eq!(sign(&secret(), AT, body.as_bytes()), signature);
        assert_eq!(verify(&secret(), AT.as_bytes(), signature.as_bytes(), body.as_bytes(), now()), Ok(()));
    }
}

#[test]
fn a_request_is_fresh_for_five_minutes_to_both_sides() {
    let signature = sign(&secret(), AT, b"{}");
    for (shift_ms, fresh) in
        [(-300_001, false), (-300_000, true), (0, true), (299_000, true), (300_000, true), (300_001, false)]
    {
        let now = Timestamp::from_millis(now().as_millis() + shift_ms);
        let found = verify(&secret(), AT.as_bytes(), signature.as_bytes(), b"{}", now);
        assert_eq!(found.is_ok(), fresh, "{shift_ms} ms");
        assert_eq!(matches!(found, Err(Refusal::Stale { .. })), !fresh, "{shift_ms} ms");
    }
}

#[test]
fn a_changed_byte_anywhere_is_a_mismatch() {
    let signature = sign(&secret(), AT, b"{\"a\":1}");
    let check =
        |secret: &str, at: &str, body: &[u8]| verify(&secret.into(), at.as_bytes(), signature.as_bytes(), body, now());
    assert_eq!(check("test-secret", AT, b"{\"a\":1}"), Ok(()));
    assert_eq!(check("test-secret", AT, b"{\"a\":2}"), Err(Refusal::Mismatch));
    assert_eq!(check("test-secret", AT, b"{\"a\": 1}"), Err(Refusal::Mismatch));
    assert_eq!(check("test-secret", "1700000001", b"{\"a\":1}"), Err(Refusal::Mismatch));
    assert_eq!(check("test-secreT", AT, b"{\"a\":1}"), Err(Refusal::Mismatch));
    assert_eq!(check("", AT, b"{\"a\":1}"), Err(Refusal::NoSecret));
}

#[test]
fn an_empty_secret_trusts_nobody() {
    let empty = SecretString::from("");
    let signature = sign(&empty, AT, b"{}");
    assert_eq!(verify(&empty, AT.as_bytes(), signature.as_bytes(), b"{}", now()), Err(Refusal::NoSecret));
}

#[test]
fn an_odd_header_is_refused_by_name() {
    let good = sign(&secret(), AT, b"{}");
    let upper = good.replace("v0=", "V0=");
    let long = format!("{good}0");
    let non_hex = format!("v0={}", "g".repeat(64));
    let non_ascii = format!("v0={}", "\u{e9}".repeat(32));
    let huge = "9".repeat(100_000);
    for (at, signature, refusal) in [
        ("", good.as_str(), Refusal::BadTimestamp),
        ("-1700000000", &good, Refusal::BadTimestamp),
        ("+1700000000", &good, Refusal::BadTimestamp),
        (" 1700000000", &good, Refusal::BadTimestamp),
        ("1700000000.5", &good, Refusal::BadTimestamp),
        ("1e9", &good, Refusal::BadTimestamp),
        ("１７００００００００", &good, Refusal::BadTimestamp),
        (&huge, &good, Refusal::BadTimestamp),
        ("0", &good, Refusal::Stale { off: Duration::from_secs(1_700_000_000) }),
        ("999999999999", &good, Refusal::Stale { off: Duration::from_secs(998_299_999_999) }),
        (AT, "", Refusal::BadSignature),
        (AT, "v0=", Refusal::BadSignature),
        (AT, "v1=00", Refusal::BadSignature),
        (AT, &good[..good.len() - 1], Refusal::BadSignature),
        (AT, &upper, Refusal::BadSignature),
        (AT, &long, Refusal::BadSignature),
        (AT, &non_hex, Refusal::BadSignature),
        (AT, &non_ascii, Refusal::BadSignature),
        (AT, &huge, Refusal::BadSignature),
    ] {
        assert_eq!(
            verify(&secret(), at.as_bytes(), signature.as_bytes(), b"{}", now()),
            Err(refusal),
            "{:.40} {:.40}",
            at,
            signature
        );
    }
}

#[test]
fn a_header_must_come_once() {
    let mut headers = HeaderMap::new();
    let check = |headers: &HeaderMap| verify_request(&secret(), headers, b"{}", now());
    assert_eq!(check(&headers), Err(Refusal::NotOne("X-Slack-Request-Timestamp")));
    headers.insert(TIMESTAMP_HEADER, AT.parse().unwrap());
    assert_eq!(check(&headers), Err(Refusal::NotOne("X-Slack-Signature")));
    headers.insert(SIGNATURE_HEADER, sign(&secret(), AT, b"{}").parse().unwrap());
    assert_eq!(check(&headers), Ok(()));
    headers.append(SIGNATURE_HEADER, sign(&secret(), AT, b"{}").parse().unwrap());
    assert_eq!(check(&headers), Err(Refusal::NotOne("X-Slack-Signature")));
}

#[test]
fn no_refusal_gives_the_right_signature_or_the_secret_away() {
    let right = sign(&secret(), AT, b"{}");
    let wrong = format!("v0={}", "0".repeat(64));
    let refusal = verify(&secret(), AT.as_bytes(), wrong.as_bytes(), b"{}", now()).unwrap_err();
    let shown = format!("{refusal} {refusal:?}");
    assert!(!shown.contains(&right[3..]) && !shown.contains("test-secret"), "{shown}");
}

#[test]
fn no_headers_make_it_panic_or_let_a_stranger_in() {
    bolero::check!().with_type::<(Vec<u8>, Vec<u8>, Vec<u8>, i64)>().for_each(|(timestamp, signature, body, now)| {
        assert!(verify(&secret(), timestamp, signature, body, Timestamp::from_millis(*now)).is_err());
    });
}
