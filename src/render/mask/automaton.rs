//! An Aho-Corasick automaton over bytes that also knows, at every byte, how much of what was read may still become a secret.
//!
//! Written out here because no library says how deep a state is, and that decides where a stream may be cut.

use std::collections::VecDeque;

const ROOT: u32 = 0;

/// States are numbered breadth first, so that the children of one stand in a row.
pub struct Automaton {
    nodes: Vec<Node>,
    /// The root's children by byte: most steps of a scan are taken there.
    first: Box<[u32; 256]>,
}

struct Node {
    /// Its children are `children .. next node's children`.
    children: u32,
    fail: u32,
    /// Length of the longest pattern that ends here; 0 for none.
    ends: u32,
    /// Bytes that may be the beginning of a longer pattern: the depth of the deepest state on the way of failures that has children.
    open: u32,
    byte: u8,
}

/// What a scan of a text found.
pub struct Scan {
    /// Found secrets, overlapping ones as one, in order: `(begin, end)`.
    runs: Vec<(usize, usize)>,
    /// Everything before this byte is decided.
    decided: usize,
}

impl Automaton {
    /// `patterns` sorted, without duplicates and without an empty one.
    pub fn new(patterns: Vec<Vec<u8>>) -> Self {
        // Until the second pass `fail` holds the parent and `open` the depth: a large environment makes millions of states.
        let mut nodes = vec![Node { children: 1, fail: ROOT, ends: 0, open: 0, byte: 0 }];
        // For each state without children so far, the patterns that begin with its text.
        let mut waiting = VecDeque::from([(0usize, patterns.len())]);
        let mut at = 0;
        while let Some((mut low, high)) = waiting.pop_front() {
            let depth = nodes[at].open as usize;
            nodes[at].children = nodes.len() as u32;
            // Sorted: the pattern that ends here, if any, is the first of them.
            if low < high && patterns[low].len() == depth {
                nodes[at].ends = depth as u32;
                low += 1;
            }
            while low < high {
                let byte = patterns[low][depth];
                let end = low + patterns[low..high].partition_point(|p| p[depth] == byte);
                nodes.push(Node { children: 0, fail: at as u32, ends: 0, open: depth as u32 + 1, byte });
                waiting.push_back((low, end));
                low = end;
            }
            at += 1;
        }
        let mut automaton = Self { nodes, first: Box::new([ROOT; 256]) };
        for child in automaton.children(ROOT) {
            automaton.first[automaton.nodes[child as usize].byte as usize] = child;
        }
        // Breadth first: the state to fall back to is less deep, and known already.
        for state in 1..automaton.nodes.len() {
            let Node { fail: parent, byte, .. } = automaton.nodes[state];
            let fail = if parent == ROOT { ROOT } else { automaton.step(automaton.nodes[parent as usize].fail, byte) };
            let back = &automaton.nodes[fail as usize];
            let (back_ends, back_open) = (back.ends, back.open);
            let has_children = !automaton.children(state as u32).is_empty();
            let node = &mut automaton.nodes[state];
            node.fail = fail;
            node.ends = node.ends.max(back_ends);
            if !has_children {
                node.open = back_open;
            }
        }
        automaton
    }

    fn children(&self, state: u32) -> std::ops::Range<u32> {
        let begin = self.nodes[state as usize].children;
        let end = self.nodes.get(state as usize + 1).map_or(self.nodes.len() as u32, |next| next.children);
        begin..end
    }

    fn step(&self, mut state: u32, byte: u8) -> u32 {
        loop {
            if state == ROOT {
                return self.first[byte as usize];
            }
            let range = self.children(state);
            let children = &self.nodes[range.start as usize..range.end as usize];
            if let Ok(at) = children.binary_search_by_key(&byte, |node| node.byte) {
                return range.start + at as u32;
            }
            state = self.nodes[state as usize].fail;
        }
    }

    pub fn scan(&self, text: &[u8]) -> Scan {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        let mut state = ROOT;
        for (at, byte) in text.iter().enumerate() {
            state = self.step(state, *byte);
            let ends = self.nodes[state as usize].ends as usize;
            if ends == 0 {
                continue;
            }
            let (mut begin, end) = (at + 1 - ends, at + 1);
            // Overlapping ones become one; those that only touch stay two, so that a cut between them changes nothing.
            while let Some(&(last_begin, last_end)) = runs.last() {
                if last_end <= begin {
                    break;
                }
                begin = begin.min(last_begin);
                runs.pop();
            }
            runs.push((begin, end));
        }
        Scan { runs, decided: text.len() - self.nodes[state as usize].open as usize }
    }
}

impl Scan {
    /// The furthest place where the text may be cut: no secret is known or may come to lie across it.
    pub fn safe_cut(&self) -> usize {
        let across = self.runs.iter().rev().find(|(begin, end)| *begin < self.decided && self.decided < *end);
        across.map_or(self.decided, |(begin, _)| *begin)
    }

    /// The first `upto` bytes of the text with stars for secrets. `upto` is a safe cut or the end.
    pub fn masked(&self, text: &[u8], upto: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(upto);
        let mut at = 0;
        for (begin, end) in self.runs.iter().take_while(|(_, end)| *end <= upto) {
            out.extend_from_slice(&text[at..*begin]);
            out.extend_from_slice(super::STARS);
            at = *end;
        }
        out.extend_from_slice(&text[at..upto]);
        out
    }
}
