# claude-vault for bash and zsh:  eval "$(claude-vault init bash)"  (or zsh)
# Then `claude-vault login`, `renew` and `logout` work without `source`.
claude-vault() {
    case ${1-} in
    login | logout | renew)
        case $- in
        *x*v* | *v*x*) \set +xv && \eval "$(\command @BIN@ --source sh xv "$@" || \printf '\\set -xv; \\return %s' $?)" ;;
        *x*) \set +x && \eval "$(\command @BIN@ --source sh x "$@" || \printf '\\set -x; \\return %s' $?)" ;;
        *v*) \set +v && \eval "$(\command @BIN@ --source sh v "$@" || \printf '\\set -v; \\return %s' $?)" ;;
        *) \eval "$(\command @BIN@ --source sh - "$@" || \printf '\\return %s' $?)" ;;
        esac
        ;;
    *) \command @BIN@ "$@" ;;
    esac
}
