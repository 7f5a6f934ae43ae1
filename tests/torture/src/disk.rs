//! The disk of a run: the store's folder, and the file layer that can forget what was not synced (`forget.c`).

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

use crate::schedule::Power;

const SOURCE: &str = include_str!("forget.c");
/// The files of a store, in the order of [`Power::Fails`].
const FILES: [&str; 2] = ["chathakase.db", "chathakase.db-wal"];
/// Shared memory: nothing in it outlives a machine.
const SHARED: &str = "chathakase.db-shm";

/// A folder for a SQLite file. Clones are the same.
#[derive(Clone)]
pub(crate) struct Disk {
    files: PathBuf,
    copies: PathBuf,
    layer: PathBuf,
}

impl Disk {
    /// A disk in `folder`. Its layer is compiled here.
    pub(crate) fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        let disk = Self { files: folder.join("store"), copies: folder.join("synced"), layer: folder.join("forget.so") };
        fs::create_dir(&disk.files)?;
        fs::create_dir(&disk.copies)?;
        let source = folder.join("forget.c");
        fs::write(&source, SOURCE)?;
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&disk.layer).arg(&source).args(["-ldl", "-lpthread"]);
        let compiled = compiler.output().context("the file layer needs a C compiler: install `cc`")?;
        ensure!(compiled.status.success(), "the file layer: {}", String::from_utf8_lossy(&compiled.stderr));
        Ok(disk)
    }

    /// Where the store is.
    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.files.join(FILES[0]).display())
    }

    /// What a process needs in its environment to write through the layer, which `syncs` or only says so.
    pub(crate) fn environment(&self, syncs: bool) -> Vec<(String, String)> {
        let shown = |path: &Path| path.display().to_string();
        let variables = [("LD_PRELOAD", &self.layer), ("FORGET_FOLDER", &self.files), ("FORGET_COPIES", &self.copies)];
        let lies = (!syncs).then(|| ("FORGET_SYNCS".to_owned(), "1".to_owned()));
        variables.map(|(name, path)| (name.to_owned(), shown(path))).into_iter().chain(lies).collect()
    }

    /// After a kill: what was synced, and of the rest what `power` leaves.
    pub(crate) fn after(&self, power: Power) -> io::Result<()> {
        let keeps = match power {
            Power::Stays => [true; 2],
            Power::Fails { keeps } => keeps,
        };
        if power != Power::Stays {
            remove(&self.files.join(SHARED))?;
        }
        for (name, keeps) in FILES.into_iter().zip(keeps) {
            let (file, copy) = (self.files.join(name), self.copies.join(name));
            let (from, to) = if keeps { (&file, &copy) } else { (&copy, &file) };
            // What was not kept anywhere is gone.
            if from.exists() { fs::copy(from, to).map(drop)? } else { remove(to)? }
        }
        Ok(())
    }
}

fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path).or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}
