//! Erased means: no trace in the database file or its write-ahead log. The traces are looked for first where they must be,
//! so that a search that finds nothing means something.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use chathakase_session::{
    ThreadKey,
    store::{NewPost, SessionStore},
};
use chathakase_store::SqliteStore;
use futures_util::future::join_all;

use crate::{kit::*, open};

/// Random text, the same in each run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    /// Of all ASCII, which no compressor shortens enough to pay.
    fn text(&mut self, length: usize) -> String {
        self.of(128, length)
    }
    fn of(&mut self, letters: u64, length: usize) -> String {
        (0..length).map(|_| char::from(u8::try_from(self.next() % letters).unwrap())).collect()
    }
}

const DATABASE: &str = "sessions.db";
const WAL: &str = "sessions.db-wal";
/// Every file of the store.
const DISK: [&str; 5] = [DATABASE, WAL, "sessions.db-shm", "sessions.db-journal", "sessions.db.lock"];

/// How many of `texts` lie on the disk, as they are or compressed, by any piece of them.
fn found<'a>(folder: &Path, texts: impl IntoIterator<Item = &'a String>) -> usize {
    found_in(&DISK, folder, texts).len()
}

/// Which of `texts` lie in these files.
fn found_in<'a>(files: &[&str], folder: &Path, texts: impl IntoIterator<Item = &'a String>) -> HashSet<usize> {
    let kept: Vec<Vec<u8>> = texts.into_iter().map(|text| as_kept(text)).collect();
    let pieces: HashMap<&[u8], usize> =
        kept.iter().enumerate().flat_map(|(n, kept)| kept.chunks_exact(PIECE).map(move |piece| (piece, n))).collect();
    // Most places on the disk cannot be the begin of any piece: three bytes tell.
    let first = |bytes: &[u8]| usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2]);
    let mut possible = vec![false; 1 << 24];
    pieces.keys().for_each(|piece| possible[first(piece)] = true);
    let disk: Vec<u8> = files.iter().flat_map(|name| std::fs::read(folder.join(name)).unwrap_or_default()).collect();
    let there = disk.windows(PIECE).filter(|window| possible[first(window)]).filter_map(|window| pieces.get(window));
    there.copied().collect()
}

/// The bytes that a text is kept as: what compresses well is kept compressed. Without the beginning of those, which says
/// how often each letter comes and is the same for many texts.
fn as_kept(text: &str) -> Vec<u8> {
    let zstd = zstd::bulk::compress(text.as_bytes(), 1).unwrap();
    let compressed = text.len() >= 1024 && zstd.len() < text.len() - text.len() / 8;
    if compressed { zstd[128..].to_vec() } else { text.as_bytes().to_vec() }
}

/// Long enough that random bytes do not repeat by chance.
const PIECE: usize = 12;

const THREADS: i64 = 100;
const POSTS: i64 = 40;

fn key(thread: i64) -> ThreadKey {
    thread_of("T1", "C1", thread * 1000)
}

/// What was said, and where.
struct Said {
    thread: i64,
    secs: i64,
    text: String,
    name: String,
}

/// Fills a store with 4,000 texts of mixed lengths: short, of several pages, and long enough to be tried with zstd.
async fn talk(store: &SqliteStore, noise: &mut Noise) -> Vec<Said> {
    let mut said = Vec::new();
    for secs in 0..POSTS {
        for thread in 0..THREADS {
            let length = match noise.next() % 10 {
                0..6 => 24 + noise.next() % 200,
                6..9 => 800 + noise.next() % 2000,
                _ => 5000 + noise.next() % 9000,
            };
            // Every third is of few letters: a long one of these is kept compressed.
            let letters = if secs % 3 == 0 { 64 } else { 128 };
            let (text, name) = (noise.of(letters, usize::try_from(length).unwrap()), noise.text(24));
            said.push(Said { thread, secs: thread * 1000 + secs, text, name });
        }
    }
    // Many at once, as it happens: rows of different threads share pages.
    for some in said.chunks(100) {
        let receive = |said: &Said| {
            let post = NewPost { name: Some(said.name.clone()), ..tells(&key(said.thread), said.secs, &said.text) };
            let post = NewPost { author: Some(format!("U{}", said.secs).parse().unwrap()), ..post };
            async move { store.receive(post, None, at(0)).await.unwrap() }
        };
        join_all(some.iter().map(receive)).await;
    }
    said
}

#[tokio::test]
async fn what_is_erased_cleared_or_expired_leaves_no_trace_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let said = talk(&store, &mut Noise(0x9e37_79b9_7f4a_7c15)).await;
    let texts = |said: &[&Said]| said.iter().map(|said| said.text.clone()).collect::<Vec<_>>();
    let names = |said: &[&Said]| said.iter().map(|said| said.name.clone()).collect::<Vec<_>>();
    let all: Vec<&Said> = said.iter().collect();
    assert_eq!(found(folder.path(), &texts(&all)), 4000, "the search finds what is there");
    assert_eq!(found(folder.path(), &names(&all)), 4000);

    // By thread, in turn: deleted one by one, edited, cleared, expired; and every second thread stays.
    let (stays, changed): (Vec<&Said>, Vec<&Said>) = said.iter().partition(|said| said.thread % 2 == 0);
    let (edited, gone): (Vec<&Said>, Vec<&Said>) = changed.into_iter().partition(|said| said.thread % 8 == 3);
    // What is to go lies in both files, and in each much that is not in the other.
    let going = [texts(&gone), texts(&edited), names(&gone)].concat();
    let [database, wal] = [DATABASE, WAL].map(|file| found_in(&[file], folder.path(), &going));
    let alone = |one: &HashSet<usize>, other: &HashSet<usize>| one.difference(other).count();
    let (in_database, in_wal) = (alone(&database, &wal), alone(&wal, &database));
    assert!(in_database > 200 && in_wal > 200, "{in_database} lie only in the database, {in_wal} only in its log");
    for some in said.chunks(100) {
        let change = async |said: &Said| {
            let (key, at) = (key(said.thread), at(1));
            match said.thread % 8 {
                1 => drop(store.erase(&key.workspace, &key.channel, ts(said.secs), at).await.unwrap()),
                3 => drop(store.amend(edit(&key, said.secs, "edited", said.secs + 1), at).await.unwrap()),
                _ => {}
            }
        };
        join_all(some.iter().map(change)).await;
    }
    for thread in (5..THREADS).step_by(8) {
        store.clear(&key(thread), ts(thread * 1000 + POSTS), at(1)).await.unwrap();
    }
    for thread in (0..THREADS).filter(|thread| thread % 8 != 7) {
        // Alive for another hour, so that only every eighth expires.
        store.receive(tells(&key(thread), thread * 1000 + 500, "alive"), None, at(1800)).await.unwrap();
    }
    store.expire(0, 1000, at(3600)).await.unwrap();
    store.erasures_settled().await.unwrap();

    assert_eq!(found(folder.path(), &texts(&gone)), 0, "a text that is gone lies on the disk");
    assert_eq!(found(folder.path(), &texts(&edited)), 0, "a text from before an edit lies on the disk");
    assert_eq!(found(folder.path(), &names(&gone)), 0, "a name that is gone lies on the disk");
    assert_eq!(found(folder.path(), &texts(&stays)), stays.len());
    read_back(&store, &stays).await;

    // It stays so after a restart, and the rest can still be read.
    drop(store);
    assert_eq!(found(folder.path(), &texts(&gone)) + found(folder.path(), &texts(&edited)), 0);
    read_back(&open(folder.path()).unwrap(), &stays).await;
}

async fn read_back(store: &SqliteStore, said: &[&Said]) {
    for thread in (0..THREADS).step_by(2) {
        let history = store.history(&key(thread), None, 100, at(3600)).await.unwrap();
        let wanted: Vec<&str> =
            said.iter().filter(|said| said.thread == thread).map(|said| said.text.as_str()).collect();
        assert_eq!(texts(&history.newest)[..wanted.len()], wanted);
    }
}

#[tokio::test]
async fn the_words_of_a_turn_go_with_its_session() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut noise = Noise(7);
    let (key, answer, note, command) = (thread(), noise.text(300), noise.text(300), noise.text(300));
    let turn = runs(&store, asks(&key, 0, "question"), at(0)).await;
    let closing = chathakase_session::store::Closing { note: Some(note.clone()), ..says(&answer) };
    store.close(&turn.lease, closing, at(1)).await.unwrap();
    store.delivered(&turn.lease, &shown(), None, at(1)).await.unwrap();
    let turn = runs(&store, commands(&key, 2, "help"), at(2)).await;
    answers(&store, &turn, &command, at(2)).await;
    let words = [answer, note, command];
    assert_eq!(found(folder.path(), &words), 3);
    store.expire(0, 10, at(9000)).await.unwrap();
    store.erasures_settled().await.unwrap();
    assert_eq!(found(folder.path(), &words), 0);
}

#[tokio::test]
async fn traces_go_by_themselves_when_nothing_else_is_to_be_done() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let text = [Noise(3).text(3000)];
    let key = thread();
    receipt(&store, tells(&key, 0, &text[0]), at(0)).await;
    assert_eq!(found(folder.path(), &text), 1);
    store.erase(&key.workspace, &key.channel, ts(0), at(1)).await.unwrap();
    // Each step that is taken meets a writer that has had a moment to put its house in order.
    let mut steps = 0;
    while found(folder.path(), &text) > 0 {
        store.check().await.unwrap();
        steps += 1;
        assert!(steps < 20, "the text is still there");
    }
}

/// Erased rows are taken out of the file, though some that are never erased lie among them, and moving rows about leaves
/// no copies behind.
#[tokio::test]
async fn a_file_does_not_grow_with_what_was_erased() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let (mut noise, pinned, mut sizes) = (Noise(11), thread_of("T2", "C2", 0), Vec::new());
    let open_turn = runs(&store, asks(&pinned, 0, "an answer that takes long"), at(0)).await;
    let (mut gone, mut kept) = (Vec::new(), Vec::new());
    for generation in 0..6 {
        let hour = generation * 10_000;
        for first in (0..3000).step_by(300) {
            let texts: Vec<String> = (0..300).map(|_| noise.text(300)).collect();
            let post =
                |(n, text): (i64, &String)| store.receive(tells(&key(n % 7), hour + first + n, text), None, at(hour));
            join_all((0..).zip(&texts).map(post)).await;
            gone.extend(texts);
        }
        if generation < 2 {
            kept.push(noise.text(300));
            store.receive(tells(&pinned, hour + 1, &kept[kept.len() - 1]), None, at(hour)).await.unwrap();
        }
        // A later sweep goes on where the one before it ended.
        for minute in 0..3 {
            store.expire(0, 100, at(hour + 5000 + minute)).await.unwrap();
        }
        store.erasures_settled().await.unwrap();
        sizes.push(std::fs::metadata(folder.path().join("sessions.db")).unwrap().len());
    }
    // The first of them fill the cushions; each leaves the marks of its posts for a day.
    let grown = sizes[5] - sizes[3];
    assert!(grown < 600_000, "two generations of 900 kB each left {grown} bytes more: {sizes:?}");
    assert_eq!((found(folder.path(), &gone), found(folder.path(), &kept)), (0, kept.len()));

    store.clear(&pinned, ts(90_000), at(60_000)).await.unwrap();
    answers(&store, &open_turn, "at last", at(60_000)).await;
    store.erasures_settled().await.unwrap();
    assert_eq!(found(folder.path(), &kept), 0);
}
