//! When the text of a JSON object is whole.

/// Knows it without parsing.
#[derive(Default)]
pub(crate) struct Balance {
    depth: u64,
    begun: bool,
    quoted: bool,
    escaped: bool,
}

impl Balance {
    pub(crate) fn feed(&mut self, text: &str) {
        for byte in text.bytes() {
            if self.escaped {
                self.escaped = false;
            } else if self.quoted {
                match byte {
                    b'\\' => self.escaped = true,
                    b'"' => self.quoted = false,
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => self.quoted = true,
                    b'{' | b'[' => {
                        self.depth += 1;
                        self.begun = true;
                    }
                    b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
            }
        }
    }

    /// Whether anything has come.
    pub(crate) const fn begun(&self) -> bool {
        self.begun
    }

    pub(crate) const fn whole(&self) -> bool {
        self.begun && self.depth == 0 && !self.quoted
    }
}
