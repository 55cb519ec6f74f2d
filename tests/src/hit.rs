//! A request as the server of test pages has seen it. It must not answer it.

/// One request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Hit {
    /// `GET`.
    pub method: String,
    /// The `Host` it was sent to, with its port.
    pub host: String,
    /// The path with its query.
    pub path: String,
    /// Header lines as they came.
    pub headers: Vec<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Hit {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.headers.iter().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A value of the query, as it came.
    pub(crate) fn query(&self, key: &str) -> Option<&str> {
        let query = self.path.split_once('?')?.1;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(own, _)| *own == key).map(|(_, value)| value)
    }
}

/// `%2F` and its like as what they mean.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match code.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
