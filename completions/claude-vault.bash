# Completion of claude-vault for bash, with or without the package bash-completion. To load it:
# source <(claude-vault completions bash)
# The program itself computes the completions, so this file contains none of its commands.
_claude_vault() {
    local kind='' word
    COMPREPLY=()
    while IFS= read -r word; do
        if [[ -z $kind ]]; then kind=${word%%$'\t'*}; else COMPREPLY+=("$word"); fi
    done < <(claude-vault complete bash "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null)
    case $kind in
    files) _claude_vault_files "$2" ;;
    folders) compopt +o default -o dirnames 2>/dev/null ;;
    programs) _claude_vault_programs "$2" ;;
    command) _claude_vault_command "$2" ;;
    *)
        compopt +o default 2>/dev/null
        # No space after a folder of services, because the name continues.
        if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]]; then compopt -o nospace 2>/dev/null; fi
        ;;
    esac
}
# By default, bash completes files itself (see the last line). For KEY=@FILE it would treat `@` as part of the file name.
# Quote the names, because a file in a cloned repository may have a command in its name.
_claude_vault_files() {
    local word
    [[ $1 == @* ]] || return
    while IFS= read -r word; do COMPREPLY+=("@$(printf %q "$word")"); done < <(compgen -f -- "${1#@}")
}
_claude_vault_programs() {
    local word
    [[ $1 == */* ]] && return
    while IFS= read -r word; do COMPREPLY+=("$(printf %q "$word")"); done < <(compgen -c -- "$1")
}
# The command after `--` gets its own completion if bash-completion is installed.
_claude_vault_command() {
    local at
    for ((at = 1; at < COMP_CWORD; at++)); do [[ ${COMP_WORDS[at]} == -- ]] && break; done
    if declare -F _command_offset >/dev/null; then
        _command_offset $((at + 1))
    elif ((COMP_CWORD == at + 1)); then
        _claude_vault_programs "$1"
    fi
}
complete -o default -F _claude_vault claude-vault
