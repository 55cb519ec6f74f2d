//! The tools `browser_screenshot` and `browser_pdf`: a page as it looks.
//!
//! They must not answer with more bytes than an answer may have.

use std::fs;
use std::path::Path;

use toolyard_sdk::answer::IntoOutput;
use toolyard_sdk::browser::{self, Frame, Page, Picture, PrintOptions};
use toolyard_sdk::json::Json as Constant;
use toolyard_sdk::prelude::*;
use toolyard_sdk::schema::full;

use crate::arguments::Target;
use crate::told::{Helped, LINE, one_line};

/// Pictures up to this size stand in the answer, in bytes; the host's limit for an answer is 1 MB unless it is raised.
pub const SHOWN: usize = 768 * 1024;

/// The quality of a JPEG where none is asked for.
const QUALITY: u8 = 80;

/// The quality of the smaller pictures that are tried when one is too large for the answer and the type is left open.
const SMALLER: [u8; 2] = [70, 35];

/// How a picture is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", rename_all = "snake_case")]
pub enum Kind {
    Png,
    Jpeg,
}

impl Kind {
    fn media(self) -> &'static str {
        match self {
            Kind::Png => "image/png",
            Kind::Jpeg => "image/jpeg",
        }
    }
}

/// What was taken.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Taken {
    /// `image/png`, `image/jpeg` or `application/pdf`.
    media_type: String,
    /// How many bytes it has.
    bytes: u64,
    /// The file that it was written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

/// A picture to see, and what it is for programs.
pub struct Shown {
    output: Output,
    data: Taken,
}

impl IntoOutput for Shown {
    const SCHEMA: Constant = full::<Taken>();

    fn into_output(self) -> Result<Output> {
        self.output.structured(&self.data)
    }
}

/// Takes a picture of what is visible in a tab, of the whole page or of one element, and answers with it, or writes it
/// to a file. To act on a page use browser_snapshot: a picture has no references.
#[tool(title = "Take a picture of a page", browser = "view")]
pub fn browser_screenshot(
    /// Only this element: a reference such as `e12`, or a CSS selector.
    target: Option<Target>,
    /// The whole page, up to 16,384 pixels high.
    #[arg(default = false)]
    full_page: bool,
    /// Default: what the file's name says, else PNG, or JPEG where a PNG is too large to be answered.
    r#type: Option<Kind>,
    /// Of a JPEG.
    #[arg(minimum = 1, maximum = 100)]
    quality: Option<u8>,
    /// A file to write it to, instead of answering with it.
    path: Option<WriteFile>,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Shown> {
    let frame = match &target {
        Some(_) if full_page => {
            let message = "`full_page` and `target` are two different pictures; say one of them";
            return Err(Failure::invalid("invalid_arguments", message));
        }
        Some(target) => Frame::Element(target.host()?),
        None if full_page => Frame::FullPage,
        None => Frame::Viewport,
    };
    let page = Page::new(session, tab);
    let kind = kind(r#type, quality, path.as_deref())?;
    let (picture, kind, bytes) = first(&page, frame, kind, quality)?;
    match path {
        Some(path) => saved(&path, kind.media(), &bytes),
        None => shown(&page, picture, kind, bytes),
    }
}

/// Which type is meant, if any.
fn kind(kind: Option<Kind>, quality: Option<u8>, path: Option<&Path>) -> Result<Option<Kind>> {
    let named = path.map(|path| {
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        match extension.to_str() {
            Some("jpg" | "jpeg") => Kind::Jpeg,
            _ => Kind::Png,
        }
    });
    match (kind, quality) {
        (Some(Kind::Png), Some(_)) => {
            let message = "a PNG has no `quality`; leave it out, or take `type`: \"jpeg\"";
            Err(Failure::invalid("invalid_arguments", message))
        }
        (Some(kind), _) => Ok(Some(kind)),
        (None, Some(_)) => Ok(Some(Kind::Jpeg)),
        (None, None) => Ok(named),
    }
}

/// The first try; what is left open for more of them is `None` for the type.
fn first(
    page: &Page,
    frame: Frame,
    kind: Option<Kind>,
    quality: Option<u8>,
) -> Result<(Option<Picture>, Kind, Vec<u8>)> {
    let taken = kind.unwrap_or(Kind::Png);
    let picture = Picture {
        frame,
        jpeg_quality: (taken == Kind::Jpeg).then(|| quality.unwrap_or(QUALITY)),
    };
    let bytes = browser::screenshot(page, &picture).helped()?;
    Ok((kind.is_none().then_some(picture), taken, bytes))
}

/// The picture in the answer, made smaller if it must and may be.
fn shown(page: &Page, open: Option<Picture>, mut kind: Kind, mut bytes: Vec<u8>) -> Result<Shown> {
    let mut note = String::new();
    if let Some(mut picture) = open {
        for quality in SMALLER {
            if bytes.len() <= SHOWN {
                break;
            }
            picture.jpeg_quality = Some(quality);
            bytes = browser::screenshot(page, &picture).helped()?;
            kind = Kind::Jpeg;
            note = format!(" (as JPEG of quality {quality}, because the PNG is too large to be answered)");
        }
    }
    if bytes.len() > SHOWN {
        let message = format!("the picture has {} bytes, and an answer holds {SHOWN}", bytes.len());
        let hint = "Say `path` to write it to a file, take a lower `quality`, or a `target` instead of the whole page.";
        return Err(Failure::new("too_large", message).hint(hint));
    }
    let data = Taken {
        media_type: kind.media().to_owned(),
        bytes: bytes.len() as u64,
        path: None,
    };
    let text = format!("{}, {} bytes{note}", data.media_type, data.bytes);
    let output = Output::new().text(text).image(kind.media(), bytes);
    Ok(Shown { output, data })
}

fn saved(path: &WriteFile, media: &str, bytes: &[u8]) -> Result<Shown> {
    fs::write(path, bytes).at(path)?;
    let data = Taken {
        media_type: media.to_owned(),
        bytes: bytes.len() as u64,
        path: Some(path.to_string()),
    };
    let text = format!("wrote {path}: {media}, {} bytes", data.bytes);
    Ok(Shown {
        output: Output::new().text(text),
        data,
    })
}

/// Prints a tab's page to a PDF file.
#[tool(title = "Print a page to PDF", browser = "view")]
pub fn browser_pdf(
    /// The file to write.
    path: WriteFile,
    #[arg(default = false)] landscape: bool,
    /// With the page's backgrounds.
    #[arg(default = false)]
    background: bool,
    #[arg(default = 1.0, minimum = 0.1, maximum = 2.0)] scale: f64,
    /// Which pages: `1-5, 8`. Default: all.
    pages: Option<String>,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Shown> {
    let ranges = pages.unwrap_or_default();
    let plain = |c: char| c.is_ascii_digit() || matches!(c, ',' | '-' | ' ');
    if !ranges.chars().all(plain) {
        let message = format!("`pages` is a list such as 1-5, 8, and not {}", one_line(&ranges, LINE));
        return Err(Failure::invalid("invalid_arguments", message));
    }
    let options = PrintOptions {
        landscape,
        background,
        scale,
        ranges,
    };
    let bytes = browser::print(&Page::new(session, tab), &options).helped()?;
    saved(&path, "application/pdf", &bytes)
}
