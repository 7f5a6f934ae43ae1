//! Files of the repository that are made from the code: each is held against what it must say, and written anew when
//! `UPDATE_FILES` is in the environment.

/// The file at `path`, from the repository's root, says exactly `right`.
pub(crate) fn file_says(path: &str, right: &str) {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_FILES").is_some() {
        std::fs::write(&path, right).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, right, "run this test with UPDATE_FILES=1 to write the file anew");
}

/// The page at `path`, from the repository's root, says exactly `right` between the marks `<!-- mark … -->` and
/// `<!-- end of mark -->`.
pub(crate) fn page_says(path: &str, mark: &str, right: &str) {
    let page = std::fs::read_to_string(format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (begin, end) = (format!("<!-- {mark}"), format!("<!-- end of {mark} -->"));
    let (before, rest) = page.split_once(&begin).unwrap();
    let (note, rest) = rest.split_once("-->\n").unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    file_says(path, &format!("{before}{begin}{note}-->\n\n{right}\n{end}{after}"));
}
