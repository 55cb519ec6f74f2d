//! Reads attributes: doc comments, `tool(…)`, `arg(…)` and `serde(…)`.
//!
//! It must not write any code; what it doesn't know is an error with its place.

use proc_macro2::{Span, TokenStream};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, ExprLit, ExprUnary, Lit, LitStr, Meta, Result, Token, UnOp};

/// The text of the doc comments: lines of a paragraph or of a list item joined, paragraphs kept apart.
pub fn doc(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    let mut verbatim = false;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        let Meta::NameValue(pair) = &attribute.meta else {
            continue;
        };
        let Expr::Lit(ExprLit {
            lit: Lit::Str(line), ..
        }) = &pair.value
        else {
            continue;
        };
        for line in line
            .value()
            .split('\n')
            .map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned())
        {
            let fence = line.trim_start().starts_with("```");
            let item = line.trim_start().starts_with(['-', '*', '#', '|']);
            match text.chars().last() {
                None => {}
                Some('\n') if line.trim().is_empty() && !verbatim => {}
                Some(_) if line.trim().is_empty() && !verbatim => text.push('\n'),
                Some('\n') => text.push('\n'),
                Some(_) if verbatim || fence || item => text.push('\n'),
                Some(_) => text.push(' '),
            }
            text.push_str(if verbatim { &line } else { line.trim() });
            verbatim ^= fence;
        }
    }
    text.trim().to_owned()
}

/// A literal of an attribute, with its sign.
pub struct Literal {
    pub kind: Kind,
    pub span: Span,
}

/// What a literal is; numbers as JSON text.
pub enum Kind {
    Text(String),
    Integer(String),
    Number(String),
    Boolean(bool),
}

impl Literal {
    fn read(value: &Expr) -> Result<Literal> {
        let span = value.span();
        let (sign, value) = match value {
            Expr::Unary(ExprUnary {
                op: UnOp::Neg(_), expr, ..
            }) => ("-", &**expr),
            other => ("", other),
        };
        let Expr::Lit(ExprLit { lit, .. }) = value else {
            return Err(Error::new(
                span,
                "expected a literal: a string, a number, `true` or `false`",
            ));
        };
        let kind = match lit {
            Lit::Int(number) => Kind::Integer(format!("{sign}{}", number.base10_digits())),
            Lit::Float(number) => {
                let number: f64 = number.base10_parse()?;
                Kind::Number(format!("{sign}{number:?}"))
            }
            Lit::Str(text) if sign.is_empty() => Kind::Text(text.value()),
            Lit::Bool(truth) if sign.is_empty() => Kind::Boolean(truth.value),
            _ => return Err(Error::new(span, "expected a string, a number, `true` or `false`")),
        };
        Ok(Literal { kind, span })
    }

    /// The literal as JSON text.
    pub fn json(&self) -> String {
        match &self.kind {
            Kind::Text(text) => quoted(text),
            Kind::Integer(number) | Kind::Number(number) => number.clone(),
            Kind::Boolean(truth) => truth.to_string(),
        }
    }

    fn number(self) -> Result<Literal> {
        match self.kind {
            Kind::Integer(_) | Kind::Number(_) => Ok(self),
            Kind::Text(_) | Kind::Boolean(_) => Err(Error::new(self.span, "expected a number")),
        }
    }
}

/// What `#[arg(…)]` says.
#[derive(Default)]
pub struct Arg {
    pub default: Option<Literal>,
    pub minimum: Option<Literal>,
    pub maximum: Option<Literal>,
    pub keep_link: Option<Span>,
}

impl Arg {
    /// Reads all `arg` attributes of a parameter.
    pub fn read(attributes: &[Attribute]) -> Result<Arg> {
        let mut arg = Arg::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("arg")) {
            for meta in attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)? {
                match (word(&meta).as_str(), &meta) {
                    ("default", Meta::NameValue(pair)) => arg.default = Some(Literal::read(&pair.value)?),
                    ("minimum", Meta::NameValue(pair)) => arg.minimum = Some(Literal::read(&pair.value)?.number()?),
                    ("maximum", Meta::NameValue(pair)) => arg.maximum = Some(Literal::read(&pair.value)?.number()?),
                    ("keep_link", Meta::Path(path)) => arg.keep_link = Some(path.span()),
                    _ => {
                        let known = "expected `default = …`, `minimum = …`, `maximum = …` or `keep_link`";
                        return Err(Error::new(meta.span(), known));
                    }
                }
            }
        }
        Ok(arg)
    }
}

/// What `#[tool(…)]` says.
#[derive(Default)]
pub struct Tool {
    pub name: Option<LitStr>,
    pub title: String,
    /// Claims that don't come from a parameter's type.
    pub claims: Vec<Claim>,
}

/// A claim that the attribute spells out.
pub enum Claim {
    /// The whole claim, as JSON text.
    Whole(String),
    /// A claim of the browser session that the parameter `session` names: what comes after the source.
    Session(Span, String),
}

impl Tool {
    /// Reads the inside of the attribute.
    pub fn read(options: TokenStream) -> Result<Tool> {
        let mut tool = Tool::default();
        for meta in Punctuated::<Meta, Token![,]>::parse_terminated.parse2(options)? {
            match (word(&meta).as_str(), &meta) {
                ("name", Meta::NameValue(pair)) => tool.name = Some(string(&pair.value)?),
                ("title", Meta::NameValue(pair)) => tool.title = string(&pair.value)?.value(),
                ("claim", Meta::List(list)) => tool.claims.push(Claim::Whole(Members::read(list)?.path()?)),
                ("network", Meta::List(list)) => tool.claims.push(Claim::Whole(Members::read(list)?.network()?)),
                ("browser", Meta::List(list)) => tool.claims.push(Members::read(list)?.browser()?),
                ("browser", Meta::NameValue(pair)) => tool.claims.push(Members::access(pair).browser()?),
                _ => {
                    let known =
                        "expected `name = …`, `title = …`, `claim(…)`, `network(…)`, `browser = …` or `browser(…)`";
                    return Err(Error::new(meta.span(), known));
                }
            }
        }
        Ok(tool)
    }
}

/// The members of a claim that the attribute spells out.
struct Members {
    span: Span,
    pairs: Vec<(String, Expr)>,
}

impl Members {
    fn read(list: &syn::MetaList) -> Result<Members> {
        let mut pairs = Vec::new();
        for meta in list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)? {
            let pair = meta.require_name_value()?;
            pairs.push((word(&meta), pair.value.clone()));
        }
        Ok(Members {
            span: list.span(),
            pairs,
        })
    }

    /// `browser = "drive"`, which is short for `browser(access = "drive")`.
    fn access(pair: &syn::MetaNameValue) -> Members {
        Members {
            span: pair.span(),
            pairs: vec![("access".to_owned(), pair.value.clone())],
        }
    }

    fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(known, _)| known == name)
    }

    fn take(&mut self, name: &str) -> Option<Expr> {
        let index = self.pairs.iter().position(|(known, _)| known == name)?;
        Some(self.pairs.remove(index).1)
    }

    fn text(&mut self, name: &str) -> Result<Option<String>> {
        self.take(name).map(|value| Ok(string(&value)?.value())).transpose()
    }

    fn one_of(&mut self, name: &str, words: &[&str]) -> Result<String> {
        let Some(value) = self.take(name) else {
            return Err(Error::new(
                self.span,
                format!("`{name}` is missing: one of {}", words.join(", ")),
            ));
        };
        among(&value, words)
    }

    /// A member that is a list of words, or left out, as it follows other members.
    fn some_of(&mut self, name: &str, words: &[&str]) -> Result<String> {
        let list = match self.take(name) {
            None => return Ok(String::new()),
            Some(Expr::Array(list)) => list,
            Some(other) => return Err(Error::new(other.span(), format!("write `{name} = [\"{}\"]`", words[0]))),
        };
        let chosen = list.elems.iter().map(|word| Ok(quoted(&among(word, words)?)));
        let chosen = chosen.collect::<Result<Vec<_>>>()?.join(",");
        Ok(format!(",{}:[{chosen}]", quoted(name)))
    }

    /// A member that is `true` or left out, as it follows other members.
    fn flag(&mut self, name: &str) -> Result<String> {
        match self.take(name) {
            None => Ok(String::new()),
            Some(Expr::Lit(literal)) if matches!(&literal.lit, Lit::Bool(set) if set.value) => {
                Ok(format!(",{}:true", quoted(name)))
            }
            Some(other) => Err(Error::new(
                other.span(),
                format!("write `{name} = true`, or leave it out"),
            )),
        }
    }

    /// Where the value comes from: `from` (with or without `default`), or the fixed value that `fixed` names.
    fn source(&mut self, fixed: &str) -> Result<String> {
        match (self.text("from")?, self.text(fixed)?) {
            (Some(from), None) => {
                let default = self
                    .text("default")?
                    .map(|text| format!(",\"default\":{}", quoted(&text)));
                Ok(format!("{{\"from\":{}{}}}", quoted(&from), default.unwrap_or_default()))
            }
            (None, Some(value)) => Ok(quoted(&value)),
            _ => Err(Error::new(
                self.span,
                format!("a claim has `from = \"$.…\"` or `{fixed} = \"…\"`, one of them"),
            )),
        }
    }

    fn finish(self, claim: String) -> Result<String> {
        match self.pairs.first() {
            None => Ok(claim),
            Some((name, value)) => Err(Error::new(
                value.span(),
                format!("a claim of this kind has no `{name}`"),
            )),
        }
    }

    fn path(mut self) -> Result<String> {
        let source = self.source("path")?;
        let access = self.one_of("access", &["read", "write"])?;
        let scope = self.one_of("scope", &["file", "directory", "tree"])?;
        let link = if self.has("symlink") {
            format!(",\"symlink\":\"{}\"", self.one_of("symlink", &["follow", "keep"])?)
        } else {
            String::new()
        };
        let optional = self.flag("optional")?;
        self.finish(format!(
            "{{\"path\":{source},\"access\":\"{access}\",\"scope\":\"{scope}\"{link}{optional}}}"
        ))
    }

    fn network(mut self) -> Result<String> {
        let source = self.source("host")?;
        let Some(Expr::Array(methods)) = self.take("methods") else {
            return Err(Error::new(self.span, "`methods = [\"GET\", …]` is missing"));
        };
        let methods = methods.elems.iter().map(|method| Ok(quoted(&string(method)?.value())));
        let methods = methods.collect::<Result<Vec<_>>>()?.join(",");
        let redirects = self.flag("redirects")?;
        self.finish(format!("{{\"network\":{source},\"methods\":[{methods}]{redirects}}}"))
    }

    fn browser(mut self) -> Result<Claim> {
        let source = match self.has("from") || self.has("session") {
            true => Some(self.source("session")?),
            false => None,
        };
        let access = self.one_of("access", &["observe", "view", "drive"])?;
        let rights = self.some_of("rights", &["evaluate", "storage"])?;
        let (span, rest) = (self.span, format!("\"access\":\"{access}\"{rights}"));
        let rest = self.finish(rest)?;
        Ok(match source {
            Some(source) => Claim::Whole(format!("{{\"browser\":{source},{rest}}}")),
            None => Claim::Session(span, rest),
        })
    }
}

/// A string literal that is one of these words.
fn among(value: &Expr, words: &[&str]) -> Result<String> {
    let text = string(value)?.value();
    if words.contains(&text.as_str()) {
        Ok(text)
    } else {
        let known = format!("expected one of {}", words.join(", "));
        Err(Error::new(value.span(), known))
    }
}

/// The single word that an item of an attribute begins with.
pub fn word(meta: &Meta) -> String {
    meta.path().get_ident().map(ToString::to_string).unwrap_or_default()
}

/// A string literal.
pub fn string(value: &Expr) -> Result<LitStr> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text), ..
        }) => Ok(text.clone()),
        other => Err(Error::new(other.span(), "expected a string")),
    }
}

/// The member `name` of an object, as JSON text; nothing for no text. Escaped here, because constant evaluation is slow.
pub fn member(name: &str, text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("{}:{}", quoted(name), quoted(text))
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut json = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            '\n' => json.push_str("\\n"),
            control if control < ' ' => json.push_str(&format!("\\u{:04x}", u32::from(control))),
            plain => json.push(plain),
        }
    }
    json.push('"');
    json
}
