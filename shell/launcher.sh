#!@BIN@
# claude-vault, to be sourced:  source claude-vault login
# Run as a command, the first line hands over to the program and nothing below is read.
# No variable, function or option is left behind; with `set -x` or `set -v` on, the token is not shown.
case $- in
*x*v* | *v*x*) \set +xv && \eval "$(\command @BIN@ --source sh xv "$@" || \printf '\\set -xv; \\return %s' $?)" ;;
*x*) \set +x && \eval "$(\command @BIN@ --source sh x "$@" || \printf '\\set -x; \\return %s' $?)" ;;
*v*) \set +v && \eval "$(\command @BIN@ --source sh v "$@" || \printf '\\set -v; \\return %s' $?)" ;;
*) \eval "$(\command @BIN@ --source sh - "$@" || \printf '\\return %s' $?)" ;;
esac
