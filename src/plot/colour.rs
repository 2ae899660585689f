//! Colours that stay apart for colour-blind readers, and in print.

use plotters::style::RGBColor;

/// Okabe and Ito's palette, with their yellow, too pale for lines on white, darkened to olive.
/// Source: Okabe & Ito, Color Universal Design, 2008.
const PALETTE: [RGBColor; 8] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x33, 0x33, 0x33),
    RGBColor(0x8A, 0x7F, 0x00),
];

/// The colour of curve or class `i`; beyond eight, darker, paler and duller forms of the same.
pub(super) fn category(i: usize) -> RGBColor {
    let base = PALETTE[i % PALETTE.len()];
    match i / PALETTE.len() % 4 {
        0 => base,
        1 => mix(base, RGBColor(0, 0, 0), 0.4),
        2 => mix(base, WHITE, 0.45),
        _ => mix(base, RGBColor(0x60, 0x60, 0x70), 0.6),
    }
}

pub(super) const WHITE: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);

/// `a` at 0, `b` at 1.
pub(super) fn mix(a: RGBColor, b: RGBColor, t: f64) -> RGBColor {
    let channel = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * t).round() as u8;
    RGBColor(channel(a.0, b.0), channel(a.1, b.1), channel(a.2, b.2))
}

/// Blue at -1, white at 0, red at 1. Source: ColorBrewer's RdBu (Harrower & Brewer 2003).
pub(super) fn diverging(t: f64) -> RGBColor {
    const BLUE: [RGBColor; 4] = [
        RGBColor(0xF7, 0xF7, 0xF7),
        RGBColor(0x92, 0xC5, 0xDE),
        RGBColor(0x21, 0x66, 0xAC),
        RGBColor(0x05, 0x30, 0x61),
    ];
    const RED: [RGBColor; 4] = [
        RGBColor(0xF7, 0xF7, 0xF7),
        RGBColor(0xF4, 0xA5, 0x82),
        RGBColor(0xB2, 0x18, 0x2B),
        RGBColor(0x67, 0x00, 0x1F),
    ];
    along(if t < 0.0 { &BLUE } else { &RED }, t.abs())
}

/// Near white at 0 to dark blue at 1. Source: ColorBrewer's Blues.
pub(super) fn sequential(t: f64) -> RGBColor {
    const BLUES: [RGBColor; 5] = [
        RGBColor(0xF7, 0xFB, 0xFF),
        RGBColor(0xC6, 0xDB, 0xEF),
        RGBColor(0x6B, 0xAE, 0xD6),
        RGBColor(0x21, 0x71, 0xB5),
        RGBColor(0x08, 0x30, 0x6B),
    ];
    along(&BLUES, t)
}

fn along(stops: &[RGBColor], t: f64) -> RGBColor {
    let at = t.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
    let left = (at as usize).min(stops.len() - 2);
    mix(stops[left], stops[left + 1], at - left as f64)
}

/// The ink that reads best on a colour: relative luminance as WCAG 2 defines it.
pub(super) fn ink_on(background: RGBColor) -> RGBColor {
    let linear = |c: u8| (f64::from(c) / 255.0).powf(2.2);
    let luminance = 0.2126 * linear(background.0) + 0.7152 * linear(background.1) + 0.0722 * linear(background.2);
    if luminance > 0.25 { super::canvas::INK } else { WHITE }
}
