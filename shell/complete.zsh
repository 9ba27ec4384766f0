
# Names of services and keys from Vault, where a session is.
_claude_vault_services() {
    local -a names
    names=(${(f)"$(claude-vault complete-names 2>/dev/null)"})
    (( $#names )) && compadd -a names
}
_claude_vault_keys() {
    local -a names
    names=(${(f)"$(claude-vault complete-names -- "${(Q)line[1]}" 2>/dev/null)"})
    (( $#names )) && compadd -a names
}
