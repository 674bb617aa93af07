//! A QR code as one path of an SVG.

use std::fmt::Write as _;

use domain::{Error, Result};
use qrcode::{Color, EcLevel};

/// Modules of quiet around the code, as its standard asks for.
const MARGIN: usize = 4;

#[derive(Clone, Debug)]
pub struct Qr {
    /// Modules along one side, the margin included.
    pub size: usize,
    /// The dark modules.
    pub path: String,
}

impl Qr {
    /// # Errors
    /// `Internal` when the text is longer than a code holds, 2,331 bytes.
    pub fn of(text: &str) -> Result<Self> {
        let code = qrcode::QrCode::with_error_correction_level(text, EcLevel::M)
            .map_err(|_| Error::internal("the text does not fit into a QR code"))?;
        let mut path = String::new();
        for (row, modules) in code.to_colors().chunks(code.width()).enumerate() {
            let dark = modules.iter().enumerate().filter(|(_, color)| **color == Color::Dark);
            for (column, _) in dark {
                let (x, y) = (column + MARGIN, row + MARGIN);
                // Writing into a string cannot fail.
                let _ = write!(path, "M{x} {y}h1v1h-1z");
            }
        }
        Ok(Self { size: code.width() + 2 * MARGIN, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_corners_and_its_margin() {
        let code =
            Qr::of("otpauth://totp/Probity:ada%40example.org?secret=GEZDGNBVGY3TQOJQ").unwrap();
        let last = code.size - 1 - MARGIN;
        for (x, y) in [(MARGIN, MARGIN), (last, MARGIN), (MARGIN, last)] {
            assert!(code.path.contains(&format!("M{x} {y}h1")), "a corner at {x}, {y}");
        }
        assert!(!code.path.contains(&format!("M{last} {last}h1v1h-1zM{} ", last + 1)));
        assert!(Qr::of(&"x".repeat(3_000)).is_err());
    }
}
