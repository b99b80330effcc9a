//! The systems of this repository, which are made with howdah, have nothing that it would tell.

use std::fs;
use std::path::{Path, PathBuf};

use howdah_review::migrations::RawFile;
use howdah_review::suppress::allowed;
use howdah_review::{Level, Options};

use crate::rig::{TODAY, scratch};

fn folders() -> Vec<PathBuf> {
    let systems = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../systems");
    let mut folders: Vec<PathBuf> = fs::read_dir(systems)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("howdah.toml").is_file() && path.join("migrations").is_dir())
        .collect();
    folders.sort();
    folders
}

#[tokio::test]
async fn the_systems_of_this_repository_are_clean() {
    let scratch = scratch().await;
    let folders = folders();
    for name in ["calls", "chain", "fleet", "trading"] {
        assert!(folders.iter().any(|folder| folder.ends_with(name)), "{name} is there");
    }
    for folder in folders {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder.join("migrations")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "sql") {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                files.push(RawFile { path: name, text: fs::read_to_string(&path).unwrap() });
            }
        }
        assert!(!files.is_empty(), "{}", folder.display());
        let allow = allowed(&fs::read_to_string(folder.join("howdah.toml")).unwrap()).unwrap();
        let options = Options { today: TODAY.to_owned(), allow, ..Options::default() };
        let report = howdah_review::review_folder_on(&scratch, files, &options).await.unwrap();
        let bad: Vec<String> = report
            .findings
            .iter()
            .filter(|finding| finding.level >= Level::Warning)
            .map(|finding| format!("{} {}: {}", finding.level, finding.rule.name, finding.message))
            .collect();
        assert!(bad.is_empty(), "{}: {bad:#?}", folder.display());
        assert!(report.facts.statements.len() > 3, "{} was read", folder.display());
    }
}
