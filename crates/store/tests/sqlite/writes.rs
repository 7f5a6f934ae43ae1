//! What is written, and how often.

use crate::{kit::*, open};

#[tokio::test]
async fn a_name_is_written_when_it_is_new_and_not_with_every_message() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    for (secs, name) in [(0, "Ana"), (1, "Ana"), (2, "Ana"), (3, "Ana B."), (4, "Ana B.")] {
        receipt(&store, by("U1ANA", name, tells(&thread(), secs, "told")), at(secs)).await;
    }
    drop(store);
    let database = rusqlite::Connection::open(folder.path().join("sessions.db")).unwrap();
    let rows = |what: &str| -> i64 {
        database.query_row(&format!("SELECT count({what}) FROM content"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!(rows("*"), 5 + 2, "texts and names that were written");
    assert_eq!(rows("body"), 5 + 1, "texts and names that stand");
}
