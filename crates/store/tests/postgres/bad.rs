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

    async fn a_turn_that_cannot_be_read_is_set_aside_and_its_thread_goes_on(database) {
        let store = process_at(&database.url());
        runs(&*store, asks(&thread(), 0, "one"), at(0)).await;
        receipt(&*store, asks(&thread(), 1, "two"), at(1)).await;
        store.receive(asks(&thread_of("T1", "C2", 0), 0, "beside it"), None, at(2)).await.unwrap();
        database.run("UPDATE chathakase.turn SET state = 99 WHERE id = (SELECT min(id) FROM chathakase.turn)");
        for which in ["the one beside it", "what waited behind it"] {
            let claimed = store.claim(&us(), 9, at(60)).await.unwrap();
            assert_eq!(claimed.len(), 1, "{which}");
            assert!(answers(&*store, &claimed[0], "answer", at(61)).await.is_none());
        }
        assert_eq!(window(&*store, &thread(), at(61)).await, ["one", "two", "answer"]);
        assert_eq!(store.claim(&us(), 9, at(9000)).await.unwrap(), [], "it is never tried again");
        assert!(store.session(&thread(), at(62)).await.unwrap().unwrap().expires_at.is_some(), "nothing is open");
    }

    async fn a_turn_whose_thread_cannot_be_read_goes_on_when_that_is_restored(database) {
        let store = process_at(&database.url());
        for channel in ["C1", "C2"] {
            store.receive(asks(&thread_of("T1", channel, 0), 0, "hello"), None, at(0)).await.unwrap();
        }
        database.run("UPDATE chathakase.thread SET users = -1 - users WHERE channel = 'C1'");
        assert_eq!(store.claim(&us(), 9, at(1)).await.unwrap().len(), 1, "the one beside it");
        database.run("UPDATE chathakase.thread SET users = -1 - users WHERE channel = 'C1'");
        let claimed = store.claim(&process("other"), 9, at(3601)).await.unwrap();
        assert!(claimed.iter().any(|claimed| claimed.turn.key.channel.as_str() == "C1" && claimed.turn.deaths == 0));
    }

    async fn a_turn_that_waits_and_cannot_be_read_is_set_aside_when_it_is_met(database) {
        let store = process_at(&database.url());
        let first = runs(&*store, asks(&thread(), 0, "one"), at(0)).await;
        receipt(&*store, asks(&thread(), 1, "two"), at(1)).await;
        database.run("UPDATE chathakase.turn SET asker = '?' WHERE state = 0");
        receipt(&*store, asks(&thread(), 2, "three"), at(2)).await;
        let next = answers(&*store, &first, "answer", at(3)).await.unwrap();
        assert!(answers(&*store, &next, "another", at(4)).await.is_none());
        assert!(store.session(&thread(), at(5)).await.unwrap().unwrap().expires_at.is_some(), "nothing is open");
    }
}
