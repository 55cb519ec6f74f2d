//! Pages as Markdown or plain text.
//!
//! It must not run or fetch anything that a page names, and must not recurse as deep as a page is nested.

use htmd::HtmlToMarkdown;
use htmd::options::{BulletListMarker, Options};
use markup5ever_rcdom::{Node, NodeData};
use std::rc::Rc;
use toolyard_sdk::http::Url;

use crate::{ask, scan};

/// A page that is nested deeper is shown as plain text: Markdown is written by recursion.
pub const DEEPEST: usize = 200;

/// At most so many bytes of a title are shown.
const TITLE: usize = 200;

/// What of a page is not for reading.
const SKIPPED: [&str; 12] = [
    "script", "style", "noscript", "template", "svg", "iframe", "object", "embed", "canvas", "head", "select", "dialog",
];

/// A page as it is read.
pub struct Page {
    /// Its title; empty for none.
    pub title: String,
    /// Its text.
    pub text: String,
}

/// A page as Markdown, its links made whole.
pub fn markdown(html: &str, base: &Url) -> Page {
    let options = Options {
        bullet_list_marker: BulletListMarker::Dash,
        ul_bullet_spacing: 1,
        ol_number_spacing: 1,
        ..Options::default()
    };
    let converter = HtmlToMarkdown::builder()
        .options(options)
        .skip_tags(SKIPPED.to_vec())
        .build();
    let Some(tree) = tree(&converter, html) else {
        return unread(html);
    };
    let (title, deepest) = settle(&tree, base);
    let text = if deepest > DEEPEST {
        plain(&tree)
    } else {
        converter.tree_to_markdown(&tree)
    };
    Page { title, text }
}

/// A page as plain text.
pub fn page_text(html: &str, base: &Url) -> Page {
    let Some(tree) = tree(&HtmlToMarkdown::new(), html) else {
        return unread(html);
    };
    let (title, _) = settle(&tree, base);
    Page {
        title,
        text: plain(&tree),
    }
}

/// The page as a browser has it; nothing if that would take too long.
fn tree(converter: &HtmlToMarkdown, html: &str) -> Option<Rc<Node>> {
    if !scan::is_reasonable(html) {
        return None;
    }
    converter.html_to_tree(html).ok()
}

/// What is between the tags, for a page that is not read properly.
fn unread(html: &str) -> Page {
    Page {
        title: String::new(),
        text: scan::text(html),
    }
}

/// The text of a page alone.
pub fn text(html: &str, base: &Url) -> String {
    page_text(html, base).text
}

/// Makes links whole; answers with the title and how deep the tree is.
fn settle(tree: &Rc<Node>, base: &Url) -> (String, usize) {
    let (mut title, mut deepest, mut base) = (None, 0, base.clone());
    let mut todo = vec![(tree.clone(), 0)];
    while let Some((node, depth)) = todo.pop() {
        deepest = deepest.max(depth);
        if let NodeData::Element { name, attrs, .. } = &node.data {
            let tag = &*name.local;
            if tag == "title" && title.is_none() {
                title = Some(words(&node));
            }
            let wanted = match tag {
                "a" | "base" => "href",
                "img" => "src",
                _ => "",
            };
            for attribute in attrs.borrow_mut().iter_mut().filter(|one| &*one.name.local == wanted) {
                let whole = whole(&base, &attribute.value);
                if let (true, Ok(other)) = (tag == "base", Url::parse(&whole)) {
                    base = other;
                }
                attribute.value = whole.as_str().into();
            }
        }
        let children = node.children.borrow();
        todo.extend(children.iter().rev().map(|child| (child.clone(), depth + 1)));
    }
    let title = title.unwrap_or_default();
    (ask::one_line(&title, TITLE), deepest)
}

/// A link as it is followed. Pictures within the link itself are left out: they would fill the answer.
fn whole(base: &Url, link: &str) -> String {
    let link = link.trim();
    let inline = link.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:"));
    if inline || link.starts_with('#') {
        return if inline { "data:" } else { link }.to_owned();
    }
    base.join(link).map_or_else(|_| link.to_owned(), String::from)
}

/// All text below a node, as it stands.
fn words(node: &Rc<Node>) -> String {
    let mut text = String::new();
    let mut todo = vec![node.clone()];
    while let Some(node) = todo.pop() {
        if let NodeData::Text { contents } = &node.data {
            text.push_str(&contents.borrow());
        }
        todo.extend(node.children.borrow().iter().rev().cloned());
    }
    text
}

/// What is still to be written.
enum Todo {
    Node(Rc<Node>),
    Break,
}

/// The text of a tree: white space as one space, blocks on lines of their own.
fn plain(tree: &Rc<Node>) -> String {
    let mut lines = vec![String::new()];
    let mut todo = vec![Todo::Node(tree.clone())];
    while let Some(next) = todo.pop() {
        let Todo::Node(node) = next else {
            lines.push(String::new());
            continue;
        };
        match &node.data {
            NodeData::Text { contents } => append(&mut lines, &contents.borrow()),
            NodeData::Element { name, .. } if SKIPPED.contains(&&*name.local) => continue,
            NodeData::Element { name, .. } if is_block(&name.local) => {
                lines.push(String::new());
                todo.push(Todo::Break);
            }
            _ => {}
        }
        todo.extend(node.children.borrow().iter().rev().cloned().map(Todo::Node));
    }
    let lines = lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

fn append(lines: &mut [String], text: &str) {
    let Some(line) = lines.last_mut() else {
        return;
    };
    let spaced = text.starts_with(char::is_whitespace);
    for (index, word) in text.split_whitespace().enumerate() {
        if (index > 0 || spaced) && !line.ends_with(' ') {
            line.push(' ');
        }
        line.push_str(word);
    }
    if text.ends_with(char::is_whitespace) && !line.ends_with(' ') {
        line.push(' ');
    }
}

fn is_block(tag: &str) -> bool {
    let inline = [
        "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "dfn", "em", "font", "i", "img", "kbd", "label",
        "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr",
    ];
    !inline.contains(&tag)
}
