//! Keys by their names, as browsers call them (UI Events: `key` and `code` values). It must not press any.

/// Keys that are held meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are called what is written on them")]
pub struct Modifiers {
    pub alt: bool,
    pub control: bool,
    pub meta: bool,
    pub shift: bool,
}

impl Modifiers {
    /// As the DevTools protocol counts them.
    pub(super) fn bits(self) -> u32 {
        u32::from(self.alt) | u32::from(self.control) << 1 | u32::from(self.meta) << 2 | u32::from(self.shift) << 3
    }
}

/// A key press, as the DevTools protocol wants it told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) key: String,
    pub(super) code: String,
    pub(super) number: u32,
    pub(super) text: Option<String>,
}

const NAMED: [(&str, &str, u32, Option<&str>); 27] = [
    ("Enter", "Enter", 13, Some("\r")),
    ("Tab", "Tab", 9, None),
    ("Backspace", "Backspace", 8, None),
    ("Delete", "Delete", 46, None),
    ("Insert", "Insert", 45, None),
    ("Escape", "Escape", 27, None),
    (" ", "Space", 32, Some(" ")),
    ("ArrowLeft", "ArrowLeft", 37, None),
    ("ArrowUp", "ArrowUp", 38, None),
    ("ArrowRight", "ArrowRight", 39, None),
    ("ArrowDown", "ArrowDown", 40, None),
    ("Home", "Home", 36, None),
    ("End", "End", 35, None),
    ("PageUp", "PageUp", 33, None),
    ("PageDown", "PageDown", 34, None),
    ("F1", "F1", 112, None),
    ("F2", "F2", 113, None),
    ("F3", "F3", 114, None),
    ("F4", "F4", 115, None),
    ("F5", "F5", 116, None),
    ("F6", "F6", 117, None),
    ("F7", "F7", 118, None),
    ("F8", "F8", 119, None),
    ("F9", "F9", 120, None),
    ("F10", "F10", 121, None),
    ("F11", "F11", 122, None),
    ("F12", "F12", 123, None),
];

/// The key of one name or character.
pub(super) fn key(name: &str) -> Option<Key> {
    let name = match name {
        "Space" | "Spacebar" => " ",
        "Return" => "Enter",
        "Esc" => "Escape",
        "Left" | "Up" | "Right" | "Down" => return key(&format!("Arrow{name}")),
        other => other,
    };
    if let Some((key, code, number, text)) = NAMED.iter().find(|(own, ..)| own.eq_ignore_ascii_case(name)) {
        return Some(Key {
            key: (*key).to_owned(),
            code: (*code).to_owned(),
            number: *number,
            text: text.map(str::to_owned),
        });
    }
    let mut chars = name.chars();
    let (Some(one), None) = (chars.next(), chars.next()) else {
        return None;
    };
    let upper = one.to_ascii_uppercase();
    let (code, number) = match upper {
        'A'..='Z' => (format!("Key{upper}"), u32::from(upper)),
        '0'..='9' => (format!("Digit{upper}"), u32::from(upper)),
        _ => (String::new(), 0),
    };
    Some(Key {
        key: one.to_string(),
        code,
        number,
        text: Some(one.to_string()),
    })
}

/// What is pressed by `Control+Shift+K`: the keys that are held, and the one that is pressed.
pub(super) fn chord(text: &str) -> Option<(Modifiers, Key)> {
    let mut held = Modifiers::default();
    let mut rest = text;
    // A plus at the end is a key itself.
    while let Some((name, after)) = rest
        .split_once('+')
        .filter(|(name, after)| !name.is_empty() && !after.is_empty())
    {
        match name.to_ascii_lowercase().as_str() {
            "control" | "ctrl" | "controlormeta" => held.control = true,
            "alt" | "option" => held.alt = true,
            "shift" => held.shift = true,
            "meta" | "command" | "cmd" | "super" => held.meta = true,
            _ => return None,
        }
        rest = after;
    }
    let mut pressed = key(rest)?;
    if held.shift && pressed.key.chars().count() == 1 {
        pressed.key = pressed.key.to_uppercase();
        pressed.text = pressed.text.map(|text| text.to_uppercase());
    }
    // With these held, a key means a command and writes nothing.
    if held.control || held.alt || held.meta {
        pressed.text = None;
    }
    Some((held, pressed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords() {
        let (held, pressed) = chord("Control+Shift+k").unwrap();
        assert!(held.control && held.shift && !held.alt);
        assert_eq!(
            (pressed.key.as_str(), pressed.code.as_str(), pressed.number),
            ("K", "KeyK", 75)
        );
        assert_eq!(pressed.text, None);
        assert_eq!(chord("+").unwrap().1.text.as_deref(), Some("+"));
        assert_eq!(chord("Control++").unwrap().1.key, "+");
        assert_eq!(chord("enter").unwrap().1.text.as_deref(), Some("\r"));
        assert_eq!(chord("Down").unwrap().1.key, "ArrowDown");
        assert_eq!(chord("ü").unwrap().1.text.as_deref(), Some("ü"));
        for nonsense in ["", "Hyper+a", "Control+", "ab", "Control+ab"] {
            assert_eq!(chord(nonsense), None, "{nonsense}");
        }
    }
}
