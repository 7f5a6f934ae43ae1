//! Faces: initials on a colour of one's own; the assistant wears a scholar's cap.

use maud::{Markup, html};

/// How many colours there are (`page.css`: `hue-0` and so on).
const HUES: u32 = 7;

/// The face of somebody. Their name stands beside it, so it says nothing by itself.
pub(crate) fn draw(name: &str, is_app: bool) -> Markup {
    if is_app {
        return html! {
            svg.avatar.app viewBox="0 0 40 40" aria-hidden="true" focusable="false" {
                rect width="40" height="40" rx="11" {}
                path d="M20 10.5 6.5 16.5 20 22.5 33.5 16.5Z" {}
                path d="M12 20.6v5.2c0 2 3.6 4.2 8 4.2s8-2.2 8-4.2v-5.2l-8 3.6Z" {}
                path.tassel d="M31.4 17.6v8" {}
                circle cx="31.4" cy="27" r="1.7" {}
            }
        };
    }
    html! {
        svg class={ "avatar hue-" (hue(name)) } viewBox="0 0 40 40" aria-hidden="true" focusable="false" {
            rect width="40" height="40" rx="11" {}
            text x="20" y="26" text-anchor="middle" { (initials(name)) }
        }
    }
}

fn initials(name: &str) -> String {
    let words = name.split(['-', '_', ' ']).filter(|word| !word.is_empty());
    let firsts: Vec<char> = words.filter_map(|word| word.chars().next()).take(2).collect();
    if firsts.len() == 2 {
        return firsts.iter().flat_map(|c| c.to_uppercase()).collect();
    }
    let mut letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters.next()).collect()
}

/// The same name has the same colour, everywhere and always. The usual three are told apart.
fn hue(name: &str) -> u32 {
    name.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % HUES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_two_letters() {
        for (name, shown) in [("ana", "An"), ("zoë", "Zo"), ("ana-maria", "AM"), ("b", "B"), ("", ""), ("漢字", "漢字")]
        {
            assert_eq!(initials(name), shown);
        }
    }

    #[test]
    fn the_usual_people_have_colours_of_their_own() {
        let hues = ["ana", "ben", "cleo"].map(hue);
        assert!(hues[0] != hues[1] && hues[1] != hues[2] && hues[0] != hues[2], "{hues:?}");
    }
}
