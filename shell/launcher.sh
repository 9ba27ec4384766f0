#!@BIN@
# The launcher of claude-vault. To change this shell, source it:  source claude-vault login
# If it is run as a command, the first line starts the program, and no shell reads the lines below.
# It leaves no variable, function or option behind. `set -x` and `set -v` do not show the token.
case $- in
*x*v* | *v*x*) \set +xv && \eval "$(\command @BIN@ --source sh xv "$@" || \printf '\\set -xv; \\return %s' $?)" ;;
*x*) \set +x && \eval "$(\command @BIN@ --source sh x "$@" || \printf '\\set -x; \\return %s' $?)" ;;
*v*) \set +v && \eval "$(\command @BIN@ --source sh v "$@" || \printf '\\set -v; \\return %s' $?)" ;;
*) \eval "$(\command @BIN@ --source sh - "$@" || \printf '\\return %s' $?)" ;;
esac
