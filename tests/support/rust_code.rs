//! A Rust file read as tokens: which paths it names, which macros it calls, where it unwraps. Comments and strings do not count, macro
//! bodies do, what is under `#[cfg(test)]` does not.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeMap;

/// A path that a file names.
#[derive(Debug)]
pub struct Used {
    /// As the compiler sees it: names that `use` brought in are spelled out.
    pub segments: Vec<String>,
    /// The first name behind the crate root.
    pub room: Option<String>,
    /// `use crate`, `use crate::*`: hides which room is meant.
    pub is_crate_root: bool,
    pub line: usize,
}

impl Used {
    pub fn begins_with(&self, path: &[&str]) -> bool {
        self.segments.len() >= path.len() && self.segments.iter().zip(path).all(|(a, b)| a == b)
    }
}

/// What the tests want to know of a file.
#[derive(Default)]
pub struct Code {
    pub paths: Vec<Used>,
    /// Name and line of each macro called.
    pub macros: Vec<(String, usize)>,
    /// Lines with `.unwrap()`.
    pub unwraps: Vec<usize>,
    pub test_lines: usize,
}

impl Code {
    pub fn read(text: &str, depth: usize) -> Code {
        let tokens: TokenStream = text.parse().unwrap_or_else(|e| panic!("{e}:\n{text}"));
        let mut reader = Reader::default();
        reader.walk(tokens, depth);
        let Reader { mut code, found, names } = reader;
        code.paths = found.into_iter().map(|found| found.resolve(&names)).collect();
        code
    }
}

/// A path as it is written.
struct Found {
    segments: Vec<String>,
    is_use: bool,
    depth: usize,
    line: usize,
}

impl Found {
    fn resolve(self, names: &BTreeMap<String, Vec<String>>) -> Used {
        let mut segments = self.segments;
        if !self.is_use
            && let Some(full) = names.get(&segments[0])
        {
            segments.splice(0..1, full.iter().cloned());
        }
        let supers = segments.iter().take_while(|s| *s == "super").count();
        let root = match segments[0].as_str() {
            "crate" => Some(1),
            "super" if supers >= self.depth => Some(supers),
            _ => None,
        };
        let room = root.and_then(|at| segments.get(at).cloned());
        let is_crate_root = root.is_some() && room.as_deref().is_none_or(|r| r == "*" || r == "self");
        Used { segments, room, is_crate_root, line: self.line }
    }
}

#[derive(Default)]
struct Reader {
    code: Code,
    found: Vec<Found>,
    /// What `use` brought in: name → path.
    names: BTreeMap<String, Vec<String>>,
}

impl Reader {
    fn walk(&mut self, tokens: TokenStream, depth: usize) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let mut i = 0;
        while i < trees.len() {
            if is_cfg_test(&trees, i) {
                let end = end_of_item(&trees, i + 2);
                self.code.test_lines += trees[end - 1].span().end().line - trees[i].span().start().line + 1;
                i = end;
                continue;
            }
            i = match &trees[i] {
                TokenTree::Group(group) => {
                    let is_module = i >= 2 && is_word(&trees, i - 2, "mod") && group.delimiter() == Delimiter::Brace;
                    self.walk(group.stream(), depth + usize::from(is_module));
                    i + 1
                }
                TokenTree::Ident(word) if word == "use" => i + 1,
                TokenTree::Ident(_) if starts_a_path(&trees, i) => self.path(&trees, i, depth),
                _ => i + 1,
            };
        }
    }

    /// Reads the path that begins at `i`; returns where it ends.
    fn path(&mut self, trees: &[TokenTree], i: usize, depth: usize) -> usize {
        let line = trees[i].span().start().line;
        let is_use = i > 0
            && (is_word(trees, i - 1, "use") || i > 2 && is_separator(trees, i - 2) && is_word(trees, i - 3, "use"));
        let mut segments = vec![trees[i].to_string()];
        let mut end = i + 1;
        while is_separator(trees, end) {
            match trees.get(end + 2) {
                Some(TokenTree::Ident(next)) => segments.push(next.to_string()),
                Some(TokenTree::Punct(star)) if star.as_char() == '*' => segments.push("*".into()),
                Some(TokenTree::Group(group)) if is_use && group.delimiter() == Delimiter::Brace => {
                    for (tail, name) in use_group(group.stream()) {
                        let full: Vec<String> = segments.iter().cloned().chain(tail).collect();
                        self.keep(full, name, is_use, depth, line);
                    }
                    return end + 3;
                }
                _ => break,
            }
            end += 3;
        }
        let calls = |mark: char| matches!(trees.get(end), Some(TokenTree::Punct(p)) if p.as_char() == mark);
        if segments.len() == 1 && segments[0] != "macro_rules" && calls('!') {
            self.code.macros.push((segments[0].clone(), line));
        }
        if segments == ["unwrap"] && i > 0 && matches!(&trees[i - 1], TokenTree::Punct(p) if p.as_char() == '.') {
            self.code.unwraps.push(line);
        }
        if is_use || segments.len() > 1 {
            let name = if is_word(trees, end, "as") { trees.get(end + 1).map(ToString::to_string) } else { None };
            self.keep(segments, name, is_use, depth, line);
        }
        end
    }

    fn keep(&mut self, mut segments: Vec<String>, name: Option<String>, is_use: bool, depth: usize, line: usize) {
        if segments.len() > 1 && segments.last().is_some_and(|s| s == "self") && segments[0] != "crate" {
            segments.pop();
        }
        if is_use && let Some(name) = name.or_else(|| segments.last().cloned()) {
            self.names.insert(name, segments.clone());
        }
        self.found.push(Found { segments, is_use, depth, line });
    }
}

/// The paths in the braces of a `use`, each with the name behind its `as`.
fn use_group(stream: TokenStream) -> Vec<(Vec<String>, Option<String>)> {
    let mut out = Vec::new();
    let (mut current, mut name, mut renamed) = (Vec::new(), None, false);
    for tree in stream {
        match tree {
            TokenTree::Punct(p) if p.as_char() == ',' => {
                if !current.is_empty() {
                    out.push((std::mem::take(&mut current), name.take()));
                }
                renamed = false;
            }
            TokenTree::Punct(p) if p.as_char() == '*' => current.push("*".to_owned()),
            TokenTree::Ident(word) if word == "as" => renamed = true,
            TokenTree::Ident(word) if renamed => name = Some(word.to_string()),
            TokenTree::Ident(word) => current.push(word.to_string()),
            TokenTree::Group(group) => {
                for (tail, name) in use_group(group.stream()) {
                    out.push((current.iter().cloned().chain(tail).collect(), name));
                }
                current.clear();
            }
            _ => {}
        }
    }
    if !current.is_empty() {
        out.push((current, name));
    }
    out
}

/// True for the first identifier of a path: nothing before it, or a leading `::` (`use ::diesel`).
fn starts_a_path(trees: &[TokenTree], i: usize) -> bool {
    if i < 2 || !is_separator(trees, i - 2) {
        return true;
    }
    match i.checked_sub(3).and_then(|at| trees.get(at)) {
        None => true,
        Some(TokenTree::Ident(word)) => word == "use",
        Some(TokenTree::Punct(p)) => p.as_char() != '>',
        Some(_) => false,
    }
}

fn is_separator(trees: &[TokenTree], i: usize) -> bool {
    let colon = |at: usize| matches!(trees.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    colon(i) && colon(i + 1)
}

fn is_word(trees: &[TokenTree], i: usize, word: &str) -> bool {
    matches!(trees.get(i), Some(TokenTree::Ident(found)) if found == word)
}

fn is_cfg_test(trees: &[TokenTree], i: usize) -> bool {
    let (Some(TokenTree::Punct(mark)), Some(TokenTree::Group(group))) = (trees.get(i), trees.get(i + 1)) else {
        return false;
    };
    let text = group.stream().to_string().replace(' ', "");
    mark.as_char() == '#' && (text == "cfg(test)" || text.starts_with("cfg(all(test,"))
}

/// One behind the item that begins at `i`: behind its braces or its semicolon.
fn end_of_item(trees: &[TokenTree], i: usize) -> usize {
    let ends = |tree: &TokenTree| match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(p) => p.as_char() == ';',
        _ => false,
    };
    trees.iter().skip(i).position(ends).map_or(trees.len(), |at| i + at + 1)
}
