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
        check,--loss | check,--seconds) compopt +o default 2>/dev/null; return ;;
        check,--html) COMPREPLY=(); return ;;
        grad,--by) compopt +o default 2>/dev/null; return ;;
        grad,--file) COMPREPLY=(); return ;;
        derive,--by) compopt +o default 2>/dev/null; return ;;
        derive,--file) COMPREPLY=(); return ;;
        derive,--format) COMPREPLY=($(compgen -W 'text latex mathml' -- "$current")); return ;;
        derive,--out) COMPREPLY=(); return ;;
        draw,--by | draw,--title) compopt +o default 2>/dev/null; return ;;
        draw,--file) COMPREPLY=(); return ;;
        draw,--format) COMPREPLY=($(compgen -W 'svg dot' -- "$current")); return ;;
        draw,--out) COMPREPLY=(); return ;;
        rust,--by | rust,--name) compopt +o default 2>/dev/null; return ;;
        rust,--file) COMPREPLY=(); return ;;
        rust,--out) COMPREPLY=(); return ;;
        train,--target | train,--hidden | train,--epochs | train,--patience | train,--lr | train,--weight-decay | train,--batch | train,--seed | train,--test | train,--validation | train,--categorical | train,--ignore | train,--skip | train,--delimiter) compopt +o default 2>/dev/null; return ;;
        train,--task) COMPREPLY=($(compgen -W 'classification regression' -- "$current")); return ;;
        train,--activation) COMPREPLY=($(compgen -W 'relu tanh sigmoid gelu' -- "$current")); return ;;
        train,--missing) COMPREPLY=($(compgen -W 'error drop mean' -- "$current")); return ;;
        train,--out) COMPREPLY=($(compgen -d -- "$current")); return ;;
        predict,--out) COMPREPLY=(); return ;;
        diagnose,--html) COMPREPLY=(); return ;;
        serve,--port) compopt +o default 2>/dev/null; return ;;
        page,--loss | page,--seconds) compopt +o default 2>/dev/null; return ;;
    esac
    case $command in
        '') words='digits check grad derive draw rust train predict evaluate diagnose serve page completions --help --version' ;;
        digits) words='--epochs --seed --lr --out --help' ;;
        check) words='--loss --seconds --html --json --help' ;;
        grad) words='--file --by --hessian --json --help' ;;
        derive) words='--file --by --format --out --json --help' ;;
        draw) words='--file --by --format --out --title --down --locals --sweep --no-gradients --help' ;;
        rust) words='--file --by --name --out --help' ;;
        train) words='--target --task --hidden --activation --epochs --patience --lr --weight-decay --batch --seed --test --validation --categorical --ignore --missing --no-header --skip --delimiter --out --json --help' ;;
        predict) words='--out --json --help' ;;
        evaluate) words='--json --help' ;;
        diagnose) words='--html --json --markdown --help' ;;
        serve) words='--port --help' ;;
        page) words='--loss --seconds --help' ;;
        completions) words='bash zsh fish --help' always=1 ;;
    esac
    if [[ $current == -* || -z $command || -n $always ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$current"))
    fi
}
complete -o default -F _retrograd retrograd
