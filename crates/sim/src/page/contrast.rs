//! Every text can be read on what it stands on, in the light and in the dark: at least 4.5 : 1, as WCAG asks of small text.

const CONTRAST_MIN: f64 = 4.5;

/// Colours of text, and those of the grounds that it is written on (`page.css`).
const WRITTEN: &[(&str, &[&str])] = &[
    ("ink", &["paper", "sheet", "side", "code", "mark", "green-wash", "amber-wash"]),
    ("soft", &["paper", "sheet", "side", "code", "mark", "green-wash", "amber-wash"]),
    ("faint", &["paper", "sheet", "side", "code", "mark", "green-wash"]),
    ("green", &["paper", "sheet"]),
    ("green-ink", &["paper", "sheet", "side", "green-wash"]),
    ("amber", &["paper", "sheet", "side", "amber-wash"]),
    ("paper", &["green", "green-ink"]),
    ("on-amber", &["amber"]),
];

#[test]
fn every_text_can_be_read_on_its_ground() {
    for (text, grounds) in WRITTEN {
        for ground in *grounds {
            for (theme, text_lum, ground_lum) in [0, 1].map(|theme| (theme, lum(text, theme), lum(ground, theme))) {
                let contrast = (text_lum.max(ground_lum) + 0.05) / (text_lum.min(ground_lum) + 0.05);
                let theme = ["light", "dark"][theme];
                assert!(contrast >= CONTRAST_MIN, "--{text} on --{ground} in {theme}: {contrast:.2} : 1");
            }
        }
    }
}

#[test]
fn colours_of_text_are_named() {
    let css = include_str!("page.css");
    let names = css.split(" color: var(--").skip(1).filter_map(|rest| rest.split(')').next());
    let unknown: Vec<&str> = names.filter(|name| !WRITTEN.iter().any(|(text, _)| text == name)).collect();
    assert!(unknown.is_empty(), "these colours of text are not looked at: {unknown:?}");
}

/// The relative luminance of `--name: light-dark(#…, #…)`.
fn lum(name: &str, theme: usize) -> f64 {
    let css = include_str!("page.css");
    let (_, rest) = css.split_once(&format!("  --{name}: light-dark(")).unwrap_or_else(|| panic!("no --{name}"));
    let hex = rest.split(')').next().and_then(|pair| pair.split(", ").nth(theme)).unwrap();
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}
