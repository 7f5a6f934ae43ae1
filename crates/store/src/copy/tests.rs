//! Every table and column there is, is copied.

use std::collections::BTreeSet;

use super::tables::TABLES;

/// Tables that are copied otherwise, or not at all.
const OTHERS: [&str; 7] = ["content", "copying", "looked", "migration", "process", "pulse", "sqlite_sequence"];

#[track_caller]
fn all_are_copied(found: &[(String, Vec<String>)], stored: fn(&super::Table) -> Vec<&'static str>) {
    let tables: BTreeSet<&str> = found.iter().map(|(name, _)| &**name).collect();
    let known: BTreeSet<&str> = TABLES.iter().map(|table| table.name).chain(OTHERS).collect();
    assert!(tables.is_subset(&known), "{:?} would not be copied", tables.difference(&known).collect::<Vec<_>>());
    for table in &TABLES {
        let (_, columns) = found.iter().find(|(name, _)| name == table.name).unwrap();
        let (columns, copied): (BTreeSet<&str>, BTreeSet<&str>) =
            (columns.iter().map(|name| &**name).collect(), stored(table).into_iter().collect());
        assert_eq!(columns, copied, "columns of {}", table.name);
    }
}

#[test]
fn every_column_of_sqlite_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let end = crate::sqlite::CopyEnd::open(&folder.path().join("sessions.db")).unwrap();
    all_are_copied(&end.schema(), |table| {
        let own = table.only_sqlite.as_ref().map(|own| own.column);
        table.columns.iter().filter_map(|column| column.in_sqlite).chain(own).collect()
    });
}

#[test]
fn every_column_of_postgresql_is_copied() {
    if test_database::TestDatabase::is_there() {
        let database = test_database::TestDatabase::new();
        drop(crate::PostgresStore::open(&database.url(), chathakase_session::store::Rules::default()).unwrap());
        let names = database.run(
            "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'chathakase'",
        );
        let mut found: Vec<(String, Vec<String>)> = Vec::new();
        for name in &names {
            let (table, column) = name.split_once('.').unwrap();
            match found.iter_mut().find(|(known, _)| known == table) {
                Some((_, columns)) => columns.push(column.to_owned()),
                None => found.push((table.to_owned(), vec![column.to_owned()])),
            }
        }
        all_are_copied(&found, |table| table.columns.iter().map(|column| column.name).collect());
    }
}
