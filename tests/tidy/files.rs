//! The repository's text files.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What is read: where we write. Everything else (the build's output, other people's environments) is left out.
const FOLDERS: [&str; 6] = ["crates", "tests", "benches", "scripts", "docs", ".ci"];
const ENDINGS: [&str; 6] = ["rs", "toml", "md", "py", "sh", "sql"];
/// The rules name what they forbid, so this package is not read itself.
const OURSELVES: &str = "tests/tidy/";

pub(crate) struct File {
    /// From the repository's root, with `/`.
    pub path: String,
    pub text: String,
}

pub(crate) struct Files(Vec<File>);

impl Files {
    pub(crate) fn read() -> Self {
        let root = root();
        let mut files = Vec::new();
        for folder in FOLDERS {
            collect(&root, &root.join(folder), &mut files);
        }
        for entry in fs::read_dir(&root).expect("the repository can be read").flatten() {
            add(&root, &entry.path(), &mut files);
        }
        assert!(files.len() > 50, "only {} files found under {}", files.len(), root.display());
        files.sort_by(|a: &File, b| a.path.cmp(&b.path));
        Self(files)
    }

    /// A repository made up for a test.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| File { path: (*path).into(), text: (*text).into() }).collect())
    }

    pub(crate) fn ending(&self, ending: &str) -> impl Iterator<Item = &File> {
        self.0.iter().filter(move |file| Path::new(&file.path).extension().is_some_and(|e| e == ending))
    }

    /// Whether there is such a file or folder.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.iter().any(|file| file.path == path) || root().join(path).exists()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("this package is in tests/tidy")
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && name != "target" && name != "__pycache__" && name != ".venv" {
            collect(root, &path, files);
        } else if path.is_file() {
            add(root, &path, files);
        }
    }
}

fn add(root: &Path, path: &Path, files: &mut Vec<File>) {
    let Ok(short) = path.strip_prefix(root) else { return };
    let short = short.to_string_lossy().replace('\\', "/");
    let known = path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
    if !known || short.starts_with(OURSELVES) {
        return;
    }
    // A file that another tool removes meanwhile is none of ours.
    let Ok(text) = fs::read_to_string(path) else { return };
    files.push(File { path: short, text });
}
