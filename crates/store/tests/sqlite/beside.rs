//! A second process beside the one that serves: it reads, it looks, and it leaves everything as it was.

use std::{fs, sync::Arc};

use chathakase_session::store::{Page, Rules, SessionStore, StoreError};
use chathakase_sim::ManualClock;
use chathakase_store::{Found, OpenError, look, open_beside};

use crate::{kit, open};

fn url(folder: &tempfile::TempDir) -> String {
    format!("sqlite:{}", folder.path().join("sessions.db").display())
}

fn read_only(folder: &tempfile::TempDir) -> Result<Arc<dyn SessionStore>, OpenError> {
    open_beside(&url(folder), Rules::default(), Arc::new(ManualClock::new()))
}

#[tokio::test]
async fn what_a_serving_process_writes_is_read_beside_it_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let serving = open(folder.path()).unwrap();
    let reading = read_only(&folder).unwrap();
    let now = kit::at(10);
    serving.receive(kit::asks(&kit::thread(), 1, "one"), None, now).await.unwrap();
    let page = Page { workspace: None, number: 0, size: 10 };
    let rows = reading.sessions(&page, now).await.unwrap();
    assert_eq!((rows.len(), rows[0].user_messages), (1, 1));
    let refused = reading.receive(kit::asks(&kit::thread(), 2, "two"), None, now).await;
    assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
    reading.shutdown().await;
    assert_eq!(serving.sessions(&page, now).await.unwrap(), rows);
}

#[tokio::test]
async fn a_look_tells_what_is_there_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().join("sessions.db");
    assert_eq!(look(&url(&folder)).unwrap(), Found::Nothing { path: folder.path().join("sessions.db") });
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    let serving = open(folder.path()).unwrap();
    assert_eq!(look(&url(&folder)).unwrap(), Found::Served { path: path.clone() });
    let now = kit::at(10);
    serving.receive(kit::asks(&kit::thread(), 1, "one"), None, now).await.unwrap();
    serving.shutdown().await;
    drop(serving);
    assert_eq!(look(&url(&folder)).unwrap(), Found::Ready { path });
    let again = open(folder.path()).unwrap();
    assert_eq!(again.stats(None, now).await.unwrap().active_sessions, 1);
}

#[test]
fn what_cannot_be_read_or_served_is_said() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(read_only(&folder), Err(OpenError::NoFile { .. })));
    fs::write(folder.path().join("sessions.db"), "").unwrap();
    assert!(matches!(read_only(&folder), Err(OpenError::OlderSchema { found: 0, .. })));
    fs::write(folder.path().join("sessions.db"), [7_u8; 5000]).unwrap();
    assert!(matches!(look(&url(&folder)), Err(OpenError::Damaged { .. })), "{:?}", look(&url(&folder)));
    assert!(matches!(look("sqlite:/sys/none/here.db"), Err(OpenError::NoFolder { .. })));
    assert_eq!(look("memory:").unwrap(), Found::Memory);
    assert!(matches!(open_beside("memory:", Rules::default(), Arc::new(ManualClock::new())), Err(OpenError::InMemory)));
}
