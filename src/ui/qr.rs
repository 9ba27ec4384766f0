//! A QR code (ISO/IEC 18004) in terminal characters, to open an address on a phone if the machine
//! has no browser.

use qrcode::{Color, EcLevel, QrCode};

/// The width of the light margin in modules that the standard requires.
const QUIET: usize = 4;

/// Draws `text` in half blocks, two rows of modules per line. With colours, the dark modules are
/// drawn black on white. Without colours, the light modules are drawn, which suits a dark terminal.
/// `None` if the code is wider than `columns`.
pub(super) fn qr_code(text: &str, columns: usize, colors: bool) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let width = code.width() + 2 * QUIET;
    if width > columns {
        return None;
    }
    let inside = |at: usize| (QUIET..QUIET + code.width()).contains(&at);
    let is_dark =
        |x: usize, y: usize| inside(x) && inside(y) && code[(x - QUIET, y - QUIET)] == Color::Dark;
    let lines = (0..width).step_by(2).map(|y| {
        let line: String = (0..width)
            .map(|x| {
                match (
                    is_dark(x, y) == colors,
                    (y + 1 < width && is_dark(x, y + 1)) == colors,
                ) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                }
            })
            .collect();
        if colors {
            format!("\x1b[38;5;16;48;5;231m{line}\x1b[0m\n")
        } else {
            line + "\n"
        }
    });
    Some(lines.collect())
}
