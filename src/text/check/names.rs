//! Which name of a backward part is the gradient by what, as people name them.

/// Comments that say it: `# check dW1 = W1, db1 = b1`; `# check update = -W1` for what goes the other way.
pub(super) fn said_in_comments(text: &str) -> Vec<(String, String, f64)> {
    let mut found = Vec::new();
    for line in text.lines() {
        let Some(rest) = line.trim_start().strip_prefix('#') else { continue };
        let Some(rest) = rest.trim_start().strip_prefix("check ") else { continue };
        for pair in rest.split(',') {
            if let Some((name, of)) = pair.split_once('=') {
                let (of, sign) = match of.trim().strip_prefix('-') {
                    Some(of) => (of.trim(), -1.0),
                    None => (of.trim(), 1.0),
                };
                found.push((name.trim().to_owned(), of.to_owned(), sign));
            }
        }
    }
    found
}

/// The line, from 1 on, after which the backward part stands: a comment that begins with the word.
pub(super) fn marker(text: &str) -> Option<usize> {
    let is = |line: &str| {
        let Some(rest) = line.trim_start().strip_prefix('#') else { return false };
        let rest = rest.trim_start_matches(['#', ' ', '-', '=']).to_lowercase();
        let word = rest.trim_end_matches([' ', '-', '=', ':', '#']);
        word == "backward" || word == "backward pass" || word == "backward part"
    };
    text.lines().position(is).map(|at| at + 1)
}

/// What the rest of a gradient's name is, in the forms that people use: `dW`, `d_W`, `grad_W`, `W_grad`, `dJ_dW`, `nabla_W`, `W_bar`.
fn stems(name: &str, loss: Option<&str>, known: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut all = Vec::new();
    for prefix in ["grad_", "nabla_", "gradient_", "d_", "g_", "bar_", "adj_", "Grad_", "grad", "D_", "d", "g", "D"] {
        if let Some(rest) = name.strip_prefix(prefix).filter(|rest| !rest.is_empty()) {
            all.push(rest.to_owned());
        }
    }
    for suffix in ["_grad", "_gradient", "_bar", "_adj", "grad", "_g"] {
        if let Some(rest) = name.strip_suffix(suffix).filter(|rest| !rest.is_empty()) {
            all.push(rest.to_owned());
        }
    }
    // dJ_dW, dJdW, dC_da.
    if let Some(rest) = name.strip_prefix('d') {
        for (at, _) in rest.match_indices('d') {
            let before = rest[..at].trim_end_matches('_');
            let after = rest[at + 1..].trim_start_matches('_');
            // dyhat_dz is no gradient of the loss.
            let of_loss = loss.is_none_or(|loss| loss == before) || !known(before);
            if !before.is_empty() && !after.is_empty() && of_loss {
                all.push(after.to_owned());
            }
        }
    }
    all
}

/// The name of the forward part that a gradient's name is about; none where it is not one.
pub(super) fn gradient_of(
    name: &str,
    said: &[(String, String, f64)],
    loss: Option<&str>,
    known: &dyn Fn(&str) -> bool,
    all: &[&str],
) -> Option<String> {
    if let Some((_, of, _)) = said.iter().find(|(own, ..)| own == name) {
        return Some(of.clone());
    }
    if known(name) {
        return None;
    }
    if let Some(stem) = stems(name, loss, known).into_iter().find(|stem| known(stem)) {
        return Some(stem);
    }
    // delta2, delta_2: by the sum that a layer's units read.
    if let Some(rest) = name.strip_prefix("delta") {
        let rest = rest.trim_start_matches('_');
        if !rest.is_empty() {
            let there = ["z", "Z", "z_", "Z_", "net", "s"].iter().map(|z| format!("{z}{rest}")).find(|z| known(z));
            return there;
        }
    }
    // nabla_w for weights: where one name alone begins so.
    for stem in ["nabla_", "grad_", "delta_nabla_"].iter().filter_map(|prefix| name.strip_prefix(prefix)) {
        // b1 is one of several, biases the name of all.
        let is_word = |known: &&&str| {
            known.strip_prefix(stem).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit() || c == '_'))
        };
        let mut fits = all.iter().filter(is_word);
        if let (Some(one), None) = (fits.next(), fits.next()) {
            return Some((*one).to_owned());
        }
    }
    None
}

/// What a name would be the gradient by but for a number at its end: `dw0` where there is `w`.
pub(super) fn like_one_by(name: &str, known: &[String]) -> Option<String> {
    let is_known = |name: &str| known.iter().any(|known| known == name);
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    let mut stems = [name, bare].into_iter().flat_map(|name| stems(name, None, &is_known));
    stems.find(|stem| is_known(stem)).filter(|_| !is_known(name))
}

/// Whether a name looks like a gradient's even where nothing else says so: where a backward part begins.
pub(super) fn looks_like_one(name: &str, known: &dyn Fn(&str) -> bool) -> bool {
    if known(name) {
        return false;
    }
    let named = stems(name, None, known).iter().any(|stem| known(stem));
    let word = ["grad_", "nabla_", "delta_"].iter().any(|prefix| name.starts_with(prefix))
        || name.ends_with("_grad")
        || name.ends_with("_delta");
    let numbered = name.strip_prefix("delta").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    named || word || numbered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_are_known_by_the_names_that_people_give_them() {
        let names = ["W1", "b1", "z2", "weights", "biases", "a", "J", "d"];
        let known = |name: &str| names.contains(&name);
        let of = |name: &str| gradient_of(name, &[], Some("J"), &known, &names);
        for (name, by) in [
            ("dW1", "W1"),
            ("d_W1", "W1"),
            ("grad_W1", "W1"),
            ("W1_grad", "W1"),
            ("dJ_dW1", "W1"),
            ("dJdW1", "W1"),
            ("delta2", "z2"),
            ("nabla_w", "weights"),
            ("nabla_b", "biases"),
            ("dd", "d"),
            ("da", "a"),
        ] {
            assert_eq!(of(name).as_deref(), Some(by), "{name}");
        }
        for name in ["W1", "delta", "mask", "d", "inner", "da_dz2"] {
            assert_eq!(of(name), None, "{name}");
        }
        assert_eq!(marker("a = 1\n# backward\nb = 2"), Some(2));
        assert_eq!(marker("a = 1\n# --- Backward pass ---\n"), Some(2));
        assert_eq!(marker("# backwards is hard\n"), None);
        assert_eq!(
            said_in_comments("# check x = y, u = -v"),
            [("x".into(), "y".into(), 1.0), ("u".into(), "v".into(), -1.0)]
        );
    }
}
