//! By what a migration is known again.

/// FNV-1a over the text without carriage returns: a checkout that changes line ends changes no migration.
pub(crate) fn checksum(sql: &str) -> i64 {
    let bytes = sql.bytes().filter(|byte| *byte != b'\r');
    bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        .cast_signed()
}
