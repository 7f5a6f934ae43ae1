//! What people typed, as Slack keeps it, made readable again.

/// `<@U1>` becomes `@ana` for whom the cast names; `&amp;`, `&lt;` and `&gt;` become what was typed.
pub(crate) fn read(text: &str, cast: &[(String, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<@") {
        out.push_str(before);
        let name = after.split_once('>').and_then(|(id, after)| {
            let id = id.split('|').next().unwrap_or(id);
            cast.iter().find(|(known, _)| known == id).map(|(_, name)| (name, after))
        });
        match name {
            Some((name, after)) => {
                out.push('@');
                out.push_str(name);
                rest = after;
            }
            None => {
                out.push_str("<@");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_become_names_and_escapes_what_was_typed() {
        let cast = [("U1".to_owned(), "ana".to_owned())];
        for (kept, shown) in [
            ("<@U1> hi", "@ana hi"),
            ("hi <@U1|x>, <@U2>!", "hi @ana, <@U2>!"),
            ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
            ("&amp;lt;", "&lt;"),
            ("<@", "<@"),
        ] {
            assert_eq!(read(kept, &cast), shown);
        }
    }
}
