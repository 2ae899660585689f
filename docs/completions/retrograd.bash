# Completions of retrograd for bash; printed by `retrograd completions bash`.

_retrograd() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= words= always=
    COMPREPLY=()
    if ((COMP_CWORD > 1)); then command=${COMP_WORDS[1]}; fi
    # `--name=value` comes in three words.
    if [[ $before == '=' ]] && ((COMP_CWORD > 2)); then before=${COMP_WORDS[COMP_CWORD-2]}; fi
    if [[ $current == '=' ]]; then current=; fi
    case $command,$before in
        digits,--epochs | digits,--seed | digits,--lr) compopt +o default 2>/dev/null; return ;;
        digits,--out) COMPREPLY=($(compgen -d -- "$current")); return ;;
        train,--target | train,--hidden | train,--epochs | train,--patience | train,--lr | train,--weight-decay | train,--batch | train,--seed | train,--test | train,--validation | train,--categorical | train,--ignore | train,--skip | train,--delimiter) compopt +o default 2>/dev/null; return ;;
        train,--task) COMPREPLY=($(compgen -W 'classification regression' -- "$current")); return ;;
        train,--activation) COMPREPLY=($(compgen -W 'relu tanh sigmoid gelu' -- "$current")); return ;;
        train,--missing) COMPREPLY=($(compgen -W 'error drop mean' -- "$current")); return ;;
        train,--out) COMPREPLY=($(compgen -d -- "$current")); return ;;
        predict,--out) COMPREPLY=(); return ;;
        diagnose,--html) COMPREPLY=(); return ;;
    esac
    case $command in
        '') words='digits train predict evaluate diagnose completions --help --version' ;;
        digits) words='--epochs --seed --lr --out --help' ;;
        train) words='--target --task --hidden --activation --epochs --patience --lr --weight-decay --batch --seed --test --validation --categorical --ignore --missing --no-header --skip --delimiter --out --json --help' ;;
        predict) words='--out --json --help' ;;
        evaluate) words='--json --help' ;;
        diagnose) words='--html --json --markdown --help' ;;
        completions) words='bash zsh fish --help' always=1 ;;
    esac
    if [[ $current == -* || -z $command || -n $always ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$current"))
    fi
}
complete -o default -F _retrograd retrograd
