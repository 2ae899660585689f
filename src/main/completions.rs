//! `completions`: what shells complete, written from the table of commands.
//!
//! The same texts are files in `docs/completions`, for packages; a test holds them to what is printed.

use super::COMMANDS;
use super::command::{Command, Count, Given, Outcome, Takes, Word, say, usage};
use std::process::ExitCode;

const SHELLS: &[&str] = &["bash", "zsh", "fish"];

pub(crate) const COMMAND: Command = Command {
    name: "completions",
    does: "prints what bash, zsh or fish completes",
    more: "",
    words: &[Word { name: "SHELL", does: "bash, zsh or fish", takes: Takes::OneOf(SHELLS), count: Count::One }],
    flags: &[],
    examples: &[
        "completions bash > ~/.local/share/bash-completion/completions/retrograd",
        "completions zsh > \"${fpath[1]}/_retrograd\"",
        "completions fish > ~/.config/fish/completions/retrograd.fish",
    ],
    run: main,
};

fn main(given: &Given) -> Outcome {
    match given.words[0].to_str() {
        Some("bash") => say(bash().trim_end()),
        Some("zsh") => say(zsh().trim_end()),
        Some("fish") => say(fish().trim_end()),
        _ => return Err(usage(format!("SHELL is {}, got {:?}", SHELLS.join(" or "), given.words[0]))),
    }
    Ok(ExitCode::SUCCESS)
}

/// The names of all commands, with blanks between.
fn names() -> String {
    COMMANDS.iter().map(|command| command.name).collect::<Vec<_>>().join(" ")
}

/// The words of a command that are one of a few.
fn choices(command: &Command) -> Vec<&'static str> {
    let choices = command.words.iter().filter_map(|word| match word.takes {
        Takes::OneOf(words) => Some(words),
        _ => None,
    });
    choices.flatten().copied().collect()
}

/// For bash 3 on: words where a few fit, and the shell's own file names everywhere else.
fn bash() -> String {
    let mut values = String::new();
    let mut words = String::new();
    for command in COMMANDS {
        // A number or a text is nobody's to guess, and no file name.
        let free = command.flags.iter().filter(|flag| matches!(flag.takes, Takes::Text | Takes::Formula));
        let free: Vec<String> = free.map(|flag| format!("{},--{}", command.name, flag.name)).collect();
        if !free.is_empty() {
            values += &format!("        {}) compopt +o default 2>/dev/null; return ;;\n", free.join(" | "));
        }
        for flag in command.flags {
            let reply = match flag.takes {
                Takes::OneOf(words) => format!("COMPREPLY=($(compgen -W '{}' -- \"$current\"))", words.join(" ")),
                Takes::Folder => "COMPREPLY=($(compgen -d -- \"$current\"))".to_owned(),
                Takes::File => "COMPREPLY=()".to_owned(),
                Takes::Nothing | Takes::Text | Takes::Formula => continue,
            };
            values += &format!("        {},--{}) {reply}; return ;;\n", command.name, flag.name);
        }
        let flags = command.flags.iter().map(|flag| format!("--{}", flag.name)).chain(["--help".to_owned()]);
        let all: Vec<String> = choices(command).into_iter().map(String::from).chain(flags).collect();
        let always = if choices(command).is_empty() { "" } else { " always=1" };
        words += &format!("        {}) words='{}'{always} ;;\n", command.name, all.join(" "));
    }
    format!(
        "# Completions of retrograd for bash; printed by `retrograd completions bash`.

_retrograd() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command= words= always=
    COMPREPLY=()
    if ((COMP_CWORD > 1)); then command=${{COMP_WORDS[1]}}; fi
    # `--name=value` comes in three words.
    if [[ $before == '=' ]] && ((COMP_CWORD > 2)); then before=${{COMP_WORDS[COMP_CWORD-2]}}; fi
    if [[ $current == '=' ]]; then current=; fi
    case $command,$before in
{values}    esac
    case $command in
        '') words='{} --help --version' ;;
{words}    esac
    if [[ $current == -* || -z $command || -n $always ]]; then
        COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))
    fi
}}
complete -o default -F _retrograd retrograd
",
        names()
    )
}

/// A text between single quotes, as all three shells read it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn zsh() -> String {
    let escaped = |text: &str| text.replace('[', "\\[").replace(']', "\\]").replace(':', "\\:");
    let mut commands = String::new();
    let mut cases = String::new();
    for command in COMMANDS {
        commands += &format!("        {}\n", quoted(&format!("{}:{}", command.name, command.does.replace(':', "\\:"))));
        let action = |takes: Takes| match takes {
            Takes::Nothing => None,
            Takes::OneOf(words) => Some(format!("({})", words.join(" "))),
            Takes::File => Some("_files".to_owned()),
            Takes::Folder => Some("_files -/".to_owned()),
            Takes::Text | Takes::Formula => Some(" ".to_owned()),
        };
        let flag = |name: &str, does: &str, takes: Takes| match action(takes) {
            None => quoted(&format!("--{name}[{}]", escaped(does))),
            Some(action) => quoted(&format!("*--{name}=[{}]:{name}:{action}", escaped(does))),
        };
        let word = |(at, word): (usize, &Word)| {
            let place = if word.count == Count::Any { "*".to_owned() } else { format!("{}", at + 1) };
            quoted(&format!("{place}:{}:{}", escaped(word.name), action(word.takes).unwrap_or_default()))
        };
        let flags = command.flags.iter().map(|of| flag(of.name, of.does, of.takes));
        let help = [flag("help", "what it takes, with examples", Takes::Nothing)];
        let lines: Vec<String> = flags.chain(help).chain(command.words.iter().enumerate().map(word)).collect();
        cases += &format!("        {})\n            _arguments \\\n", command.name);
        cases += &format!("                {}\n            ;;\n", lines.join(" \\\n                "));
    }
    format!(
        "#compdef retrograd
# Completions of retrograd for zsh; printed by `retrograd completions zsh`.

_retrograd() {{
    local -a commands
    commands=(
{commands}    )
    if ((CURRENT == 2)); then
        _describe command commands
        return
    fi
    local command=$words[2]
    shift words
    ((CURRENT--))
    case $command in
{cases}    esac
}}

_retrograd \"$@\"
"
    )
}

fn fish() -> String {
    let mut text = format!(
        "# Completions of retrograd for fish; printed by `retrograd completions fish`.

set -l commands {}
complete -c retrograd -f
complete -c retrograd -n \"not __fish_seen_subcommand_from $commands\" -l help -d 'all commands'
complete -c retrograd -n \"not __fish_seen_subcommand_from $commands\" -l version -d 'the version'
",
        names()
    );
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    for command in COMMANDS {
        let (name, does) = (command.name, quoted(command.does));
        text +=
            &format!("complete -c retrograd -n \"not __fish_seen_subcommand_from $commands\" -a {name} -d {does}\n");
        let within = format!("complete -c retrograd -n '__fish_seen_subcommand_from {name}'");
        if command.words.iter().any(|word| matches!(word.takes, Takes::File | Takes::Folder)) {
            text += &format!("{within} -F\n");
        }
        let choices = choices(command);
        if !choices.is_empty() {
            text += &format!("{within} -a {}\n", quoted(&choices.join(" ")));
        }
        for flag in command.flags {
            let value = match flag.takes {
                Takes::Nothing => String::new(),
                Takes::OneOf(words) => format!(" -x -a {}", quoted(&words.join(" "))),
                Takes::File => " -r -F".to_owned(),
                Takes::Folder => " -x -a '(__fish_complete_directories)'".to_owned(),
                Takes::Text | Takes::Formula => " -x".to_owned(),
            };
            text += &format!("{within} -l {}{value} -d {}\n", flag.name, quoted(flag.does));
        }
        text += &format!("{within} -l help -d 'what it takes, with examples'\n");
    }
    text
}
