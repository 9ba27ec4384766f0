#!@BIN@
# claude-vault, to be sourced:  source claude-vault login
# Run as a command, the first line hands over to the program and nothing below is read.
# No variable, function or option is left behind; with `set -x` on, the token is not traced.
case $- in
*x*) \set +x && \eval "$(\command @BIN@ --source "${BASH_VERSION:+bash}${ZSH_VERSION:+zsh}" x "$@" || \printf '\\set -x; \\return %s' $?)" ;;
*) \eval "$(\command @BIN@ --source "${BASH_VERSION:+bash}${ZSH_VERSION:+zsh}" - "$@" || \printf '\\return %s' $?)" ;;
esac
