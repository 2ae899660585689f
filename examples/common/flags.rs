// Arguments of the examples: `--name value` or `--name=value`, and words without a name. Included as the content of a module.

use std::str::FromStr;

/// The arguments as they were given.
pub(crate) struct Flags {
    named: Vec<(&'static str, String)>,
    /// The words that belong to no name, in order.
    pub(crate) words: Vec<String>,
}

impl Flags {
    /// Takes the arguments apart; a name that is not known is an error.
    pub(crate) fn read<S: AsRef<str>>(arguments: &[S], known: &[&'static str]) -> Result<Self, String> {
        let mut flags = Self { named: Vec::new(), words: Vec::new() };
        let mut arguments = arguments.iter().map(AsRef::as_ref);
        while let Some(argument) = arguments.next() {
            if !argument.starts_with('-') {
                flags.words.push(argument.to_owned());
                continue;
            }
            let (name, value) = argument.split_once('=').map_or((argument, None), |(name, value)| (name, Some(value)));
            let name = known.iter().find(|known| **known == name);
            let name = name.ok_or_else(|| format!("unknown argument {argument:?}; there are {}", known.join(", ")))?;
            let value = value.or_else(|| arguments.next()).ok_or_else(|| format!("{name} needs a value"))?;
            flags.named.push((*name, value.to_owned()));
        }
        Ok(flags)
    }

    /// The value of a name, the last where it is given twice; an error unless it is what is expected.
    pub(crate) fn get<T: FromStr>(
        &self,
        name: &str,
        expected: &str,
        fits: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, String> {
        let Some((_, text)) = self.named.iter().rev().find(|(known, _)| *known == name) else { return Ok(None) };
        let value = text.parse().ok().filter(fits);
        value.map(Some).ok_or_else(|| format!("{name} takes {expected}, got {text:?}"))
    }
}
