//! Rows that cannot be read.

use chathakase_session::store::{Page, Receipt, SessionStore, StoreError};

use crate::{kit::*, process_at, with_database};

with_database! {
    async fn a_bad_row_is_named_and_those_beside_it_are_read(database) {
        let store = process_at(&database.url());
        let (good, bad) = (thread_of("T1", "C1", 0), thread_of("T1", "C2", 0));
        for key in [&good, &bad] {
            runs(&*store, asks(key, 0, "hello"), at(0)).await;
        }
        database.run("UPDATE chathakase.thread SET users = -1 WHERE channel = 'C2'");
        let error = store.session(&bad, at(1)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "row T1/C2/1700000000000000 of thread cannot be read: bad users; restore it from a backup or erase that session"
        );
        let error = store.receive(asks(&bad, 1, "again"), Some(&us()), at(1)).await.unwrap_err();
        assert!(matches!(error, StoreError::BadRow { table: "thread", .. }), "{error:?}");
        assert!(matches!(receipt(&*store, asks(&good, 1, "again"), at(1)).await, Receipt::Waiting(_)));
        let page = Page { workspace: None, number: 0, size: 9 };
        database.run("UPDATE chathakase.thread SET users = 1, model = 'x', bots_in_row = -1 WHERE channel = 'C2'");
        assert_eq!(store.sessions(&page, at(1)).await.unwrap().len(), 1);
    }

    async fn a_turn_that_cannot_be_read_holds_up_none_beside_it(database) {
        let store = process_at(&database.url());
        for channel in ["C1", "C2"] {
            store.receive(asks(&thread_of("T1", channel, 0), 0, "hello"), None, at(0)).await.unwrap();
        }
        database.run("UPDATE chathakase.turn SET state = 99 WHERE id = (SELECT min(id) FROM chathakase.turn)");
        assert_eq!(store.claim(&us(), 9, at(0)).await.unwrap().len(), 1);
    }
}
