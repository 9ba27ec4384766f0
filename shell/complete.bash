# Names of services and keys from Vault, where a session is. They hold only A-Z a-z 0-9 _ - by rule.
_claude_vault_names() {
    local cur=${COMP_WORDS[COMP_CWORD]} names='' value='' word words=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
        @VALUES@ | =) value=next ;;
        *) [[ $word == -* || -n $value ]] || words+=("$word") && value='' ;;
        esac
    done
    if [[ $cur != -* && -z $value ]]; then
        case ${words[0]-} in
        list | ls | get | show | set | put | register | inject | exec | run)
            if [[ ${#words[@]} -eq 1 || ${words[0]} == inject ]]; then
                names=$(claude-vault complete-names 2>/dev/null)
            elif [[ ${words[0]} =~ ^(get|show|set|put|register)$ && $cur != *=* ]]; then
                names=$(claude-vault complete-names -- "${words[1]}" 2>/dev/null)
            fi
            ;;
        esac
    fi
    if [[ -n $names ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$names" -- "$cur")
        return
    fi
    _claude__vault "$@"
}
complete -F _claude_vault_names -o bashdefault -o default claude-vault
