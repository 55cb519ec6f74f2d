//! The tools that fill fields: text, boxes, lists and files.
//!
//! They must not repeat in an answer what was entered: it may be a password.

use std::fs;

use toolyard_sdk::browser::{self, Fault, FaultKind, Page, TypeOptions, UploadFile};
use toolyard_sdk::prelude::*;

use crate::arguments::Target;
use crate::told::{Acted, Helped, LINE, acted_on, acting, address, one_line};

/// Files of one upload have at most so many bytes together: 64 MiB.
const UPLOAD: u64 = 64 * 1024 * 1024;

/// Enters text into a field, after what is in it, or instead of it with `clear`. For several fields use
/// browser_fill_form.
#[tool(title = "Type text", browser = "drive")]
pub fn browser_type(
    target: Target,
    text: String,
    /// Empty the field first.
    #[arg(default = false)]
    clear: bool,
    /// Press a key for every character, for fields that react to keys.
    #[arg(default = false)]
    keys: bool,
    /// Press Enter at the end.
    #[arg(default = false)]
    submit: bool,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Acted>> {
    let (page, element) = (Page::new(session, tab), target.host()?);
    let options = TypeOptions {
        replace: clear,
        keys,
        submit,
    };
    let end = if submit { " and pressed Enter" } else { "" };
    let done = format!("typed {} characters into {}{end}", text.chars().count(), target.name());
    acting(&page, done, || browser::enter(&page, &element, &text, options))
}

/// A field and what it is to have.
#[derive(Debug, Deserialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", deny_unknown_fields)]
pub struct Field {
    target: Target,
    /// The text of a field, which replaces what is in it, or the option of a list.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    value: Option<String>,
    /// Whether a box or radio button is checked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    checked: Option<bool>,
}

/// Fills several fields of a form in one call, in this order: text fields and lists by `value`, boxes and radio buttons
/// by `checked`. The form is not sent: click its button afterwards.
#[tool(title = "Fill a form", browser = "drive")]
pub fn browser_fill_form(
    fields: Vec<Field>,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Acted>> {
    let page = Page::new(session, tab);
    // All of them are looked at before the first one is touched.
    let wanted = fields.iter().map(wanted).collect::<Result<Vec<_>>>()?;
    let before = address(&page);
    let mut together: Option<browser::Acted> = None;
    for (index, (target, value)) in wanted.iter().enumerate() {
        let acted = fill(&page, target, value).helped().map_err(|failure| {
            let name = fields.get(index).map_or("", |field| field.target.name());
            failure.say(|said| format!("{name}: {said} ({index} of {} fields are filled)", fields.len()))
        })?;
        together = match (together, acted) {
            (Some(all), Some(acted)) => Some(browser::Acted {
                navigating: all.navigating || acted.navigating,
                opened: [all.opened, acted.opened].concat(),
                ..acted
            }),
            (all, acted) => acted.or(all),
        };
    }
    let done = match fields.len() {
        1 => "filled 1 field".to_owned(),
        count => format!("filled {count} fields"),
    };
    let acted = together.unwrap_or_else(|| browser::Acted {
        url: address(&page).unwrap_or_default(),
        navigating: false,
        opened: Vec::new(),
        dialog: None,
    });
    Ok(acted_on(&page, done, before.as_deref(), acted))
}

/// What a field is to have.
enum Wanted<'a> {
    Value(&'a str),
    Checked(bool),
}

fn wanted(field: &Field) -> Result<(browser::Target, Wanted<'_>)> {
    let value = match (field.value.as_deref(), field.checked) {
        (Some(value), None) => Wanted::Value(value),
        (None, Some(checked)) => Wanted::Checked(checked),
        _ => {
            let message = format!("{}: say either `value` or `checked`", field.target.name());
            return Err(Failure::invalid("invalid_arguments", message));
        }
    };
    Ok((field.target.host()?, value))
}

/// Fills one field; nothing is known of what choosing in a list led to.
fn fill(page: &Page, target: &browser::Target, wanted: &Wanted<'_>) -> Result<Option<browser::Acted>, Fault> {
    let value = match wanted {
        Wanted::Checked(checked) => return browser::check(page, target, *checked).map(Some),
        Wanted::Value(value) => *value,
    };
    let options = TypeOptions {
        replace: true,
        keys: false,
        submit: false,
    };
    match browser::enter(page, target, value, options) {
        // What text can't be entered into may be a list; if it is none, the first fault says more.
        Err(fault) if fault.kind == FaultKind::NotActionable => {
            match browser::select(page, target, &[value.to_owned()]) {
                Err(second) if second.kind == FaultKind::NotActionable => Err(fault),
                chosen => chosen.map(|_| None),
            }
        }
        acted => acted.map(Some),
    }
}

/// What is chosen in a list.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Chosen {
    /// The values that are chosen now.
    chosen: Vec<String>,
}

/// Chooses options of a list (a `select` element), each by its value or its label.
#[tool(title = "Choose options", browser = "drive")]
pub fn browser_select_option(
    target: Target,
    /// One, or several where the list allows it. Others are not chosen any more.
    values: Vec<String>,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Chosen>> {
    let chosen = browser::select(&Page::new(session, tab), &target.host()?, &values).helped()?;
    let text = match chosen.as_slice() {
        [] => format!("nothing is chosen in {}", target.name()),
        chosen => format!("chosen in {}: {}", target.name(), one_line(&chosen.join(", "), LINE)),
    };
    Ok(Answer::new(text, Chosen { chosen }))
}

/// Hands files of the workspace to a page's file field.
#[tool(title = "Upload files", browser = "drive")]
pub fn browser_upload(
    /// The file field.
    target: Target,
    paths: Vec<ReadFile>,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Acted>> {
    let (page, element) = (Page::new(session, tab), target.host()?);
    let (mut files, mut left) = (Vec::new(), UPLOAD);
    for path in &paths {
        let bytes = fs::metadata(path).at(path)?.len();
        left = left.checked_sub(bytes).ok_or_else(|| {
            let message = format!("{path}: with it the files have more than {UPLOAD} bytes together");
            Failure::new("too_large", message)
        })?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        files.push(UploadFile {
            name: name.unwrap_or_else(|| path.to_string()),
            data: fs::read(path).at(path)?,
        });
    }
    let names = paths.iter().map(ReadFile::as_str).collect::<Vec<_>>().join(", ");
    let done = match paths.as_slice() {
        [] => format!("{} has no files now", target.name()),
        _ => format!("{} has now {}", target.name(), one_line(&names, LINE)),
    };
    acting(&page, done, || browser::upload(&page, &element, &files))
}
