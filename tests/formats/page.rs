//! Reading docs/formats.md.

use std::path::{Path, PathBuf};

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

pub fn read(name: &str) -> String {
    let path = root().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The fenced block behind `<!-- held: name -->`.
pub fn held(name: &str) -> String {
    let page = read("docs/formats.md");
    let mark = format!("<!-- held: {name} -->");
    let (_, rest) = page.split_once(&mark).unwrap_or_else(|| panic!("docs/formats.md has no `{mark}`"));
    let (_, rest) = rest.split_once("\n```").expect("a fenced block behind the mark");
    let (_, rest) = rest.split_once('\n').expect("the block's first line");
    let (block, _) = rest.split_once("```\n").expect("the block's end");
    block.to_owned()
}

/// The page's block is `made`, which was made from the code.
#[track_caller]
pub fn check(name: &str, made: &str) {
    let shown = held(name);
    assert!(shown == made, "docs/formats.md, `{name}`, shows\n{shown}\nand the code makes\n{made}");
}
