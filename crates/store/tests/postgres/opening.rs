//! What is said when the database cannot be opened, and what it is opened with.

use std::sync::Arc;

use chathakase_session::store::{Rules, SessionStore};
use chathakase_sim::ManualClock;
use chathakase_store::{OpenError, PostgresStore, open_beside, postgres};

use crate::{kit::*, process_at, with_database};

fn refusal(url: &str) -> OpenError {
    PostgresStore::open(url, Rules::default()).map(drop).unwrap_err()
}

#[test]
fn a_database_that_cannot_be_reached_is_named_without_its_secrets() {
    let error = refusal("postgres://ana:s3cret@127.0.0.1:1/hakase?connect_timeout=1");
    assert!(error.to_string().contains("postgres://127.0.0.1:1/hakase"), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}

#[test]
fn a_server_that_picks_up_and_says_nothing_is_not_waited_for() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let error = refusal(&format!("postgres://ana:s3cret@{address}/hakase?connect_timeout=1"));
    let OpenError::Postgres { cause, .. } = error else { panic!("{error}") };
    assert!(chathakase_session::chain(&*cause).to_string().starts_with("the database does not answer"), "{cause}");
}

with_database! {
    async fn what_was_stored_is_there_after_a_restart_and_leases_hold_on(database) {
        let store = process_at(&database.url());
        let turn = runs(&*store, asks(&thread(), 0, "hello"), at(0)).await;
        store.shutdown().await;
        drop(store);
        let store = process_at(&database.url());
        assert_eq!(window(&*store, &thread(), at(1)).await, ["hello"]);
        // Another process may be running it: only the time ends its lease.
        assert!(store.claim(&process("next"), 9, at(29)).await.unwrap().is_empty());
        assert_eq!(store.claim(&process("next"), 9, at(30)).await.unwrap()[0].turn.id, turn.turn.id);
    }

    async fn a_newer_schema_and_a_changed_migration_are_refused(database) {
        drop(process_at(&database.url()));
        database.run("INSERT INTO chathakase.migration VALUES (99, 1)");
        assert!(matches!(refusal(&database.url()), OpenError::NewerDatabase { found: 99, .. }));
        database.run("DELETE FROM chathakase.migration WHERE number = 99; UPDATE chathakase.migration SET checksum = 1");
        assert!(matches!(refusal(&database.url()), OpenError::ChangedDatabase { number: 1, .. }));
    }

    async fn tables_of_an_older_build_are_not_changed_under_the_processes_that_use_them(database) {
        drop(process_at(&database.url()));
        let newest = "DELETE FROM chathakase.migration WHERE number = (SELECT max(number) FROM chathakase.migration)";
        database.run(newest);
        let beside = open_beside(&database.url(), Rules::default(), Arc::new(ManualClock::new()));
        assert!(matches!(beside.map(drop), Err(OpenError::OlderDatabase { .. })));
        let applied = database.run("SELECT count(*) FROM chathakase.migration").remove(0);
        assert_eq!(applied, (postgres::SCHEMA - 1).to_string());
    }

    async fn a_commit_is_on_the_disk_even_where_the_server_would_not_insist(database) {
        assert_eq!(process_at(&database.url()).durability().await.unwrap(), "on");
        let name = database.run("SELECT current_database()").remove(0);
        database.run(&format!("ALTER DATABASE {name} SET synchronous_commit = off"));
        assert_eq!(process_at(&database.url()).durability().await.unwrap(), "on");
        assert_eq!(database.run("SHOW synchronous_commit"), ["off"]);
        // What insists on more keeps it.
        database.run(&format!("ALTER DATABASE {name} SET synchronous_commit = remote_apply"));
        assert_eq!(process_at(&database.url()).durability().await.unwrap(), "remote_apply");
    }

    async fn a_commit_is_on_the_disk_also_behind_a_pooler(database) {
        let name = database.run("SELECT current_database()").remove(0);
        database.run(&format!("ALTER DATABASE {name} SET synchronous_commit = off"));
        let store = process_at(&database.pooled_url());
        assert_eq!(store.durability().await.unwrap(), "on");
        // Whoever has the pooler's connections next finds them as they were.
        let next = test_database::connect(&database.pooled_url().replace("?pgbouncer=true", "")).await;
        for _ in 0..8 {
            let shown = next.simple_query("SHOW synchronous_commit").await.unwrap();
            assert!(format!("{shown:?}").contains("off"), "{shown:?}");
        }
    }

    async fn an_encrypted_connection_is_made_only_to_whom_the_named_root_vouches_for(database) {
        let (root, url) = (std::env::var("TEST_POSTGRES_ROOT").unwrap(), database.url());
        let store = process_at(&format!("{url}?sslmode=verify-full&sslrootcert={root}"));
        let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
            WHERE ssl AND datname = current_database()";
        assert_ne!(database.run(encrypted), ["0"]);
        drop(store);
        // The system's roots know nothing of it, and it is not for this name.
        let elsewhere = url.replace("127.0.0.1", "localhost");
        for unsure in [format!("{url}?sslmode=verify-full"), format!("{elsewhere}?sslmode=verify-full&sslrootcert={root}")] {
            let OpenError::Postgres { cause, .. } = refusal(&unsure) else { panic!("{unsure}") };
            let said = chathakase_session::chain(&*cause).to_string();
            assert!(said.contains("certificate"), "{said}");
        }
        let store = process_at(&format!("{url}?sslmode=disable"));
        assert_eq!(database.run(encrypted), ["0"]);
        drop(store);
    }

    async fn a_database_that_takes_no_tables_says_what_its_user_lacks(database) {
        let guest = database.run("SELECT current_database()").remove(0).replace("test", "guest");
        database.run(&format!("CREATE ROLE {guest} LOGIN"));
        let error = refusal(&database.url().replace("hakase@", &format!("{guest}@")));
        database.run(&format!("DROP ROLE {guest}"));
        let OpenError::Postgres { cause, .. } = &error else { panic!("{error:?}") };
        assert!(cause.to_string().contains("may not do this"), "{cause}");
        assert!(!cause.to_string().contains("tried again"), "nobody tries again to open a store: {cause}");
    }
}
