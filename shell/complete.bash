# Names of services and keys from Vault, where a session is. They hold only A-Z a-z 0-9 _ - by rule.
_claude_vault_names() {
    local cur=${COMP_WORDS[COMP_CWORD]} names=''
    if [[ $cur != -* ]]; then
        case ${COMP_WORDS[1]-} in
        list | ls | get | show | set | put | register | inject | exec | run)
            if [[ $COMP_CWORD -eq 2 || ${COMP_WORDS[1]} == inject ]]; then
                names=$(claude-vault complete-names 2>/dev/null)
            elif [[ $COMP_CWORD -gt 2 && ${COMP_WORDS[1]} =~ ^(get|show|set|put|register)$ && $cur != *=* ]]; then
                names=$(claude-vault complete-names "${COMP_WORDS[2]}" 2>/dev/null)
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
