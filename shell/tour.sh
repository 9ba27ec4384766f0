# The main job, end to end, on the throwaway server of `claude-vault dev --tour`.
# Every command is shown, then run; what follows it is its own output.
step() {
    if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then printf '\n\033[1m$ %s\033[0m\n' "$*"; else printf '\n$ %s\n' "$*"; fi
    eval "$*" || exit
}

printf 'A stand-in for the browser signs in; with claude-vault dev you do it yourself.\n'
step 'source claude-vault login'
step 'claude-vault status'
step "claude-vault set jellyfin GREETING='it is \"safe\" & more' --generate DB_PASSWORD --no-confirm"
step 'claude-vault list'
step 'claude-vault list jellyfin'
step 'claude-vault get jellyfin GREETING'
printf '\nA mistake, and the way back.\n'
step 'claude-vault set jellyfin GREETING=oops --no-confirm'
step 'claude-vault history jellyfin'
step 'claude-vault rollback jellyfin 1 --no-confirm'
step 'claude-vault delete jellyfin --no-confirm'
step 'claude-vault undelete jellyfin --no-confirm'
step "claude-vault find '*password'"
printf '\nThe files of services.\n'
step 'claude-vault inject jellyfin'
step 'cat jellyfin/.env'
step 'claude-vault inject esphome'
step 'cat esphome/config/secrets.yaml'
step 'claude-vault audit verify'
step 'source claude-vault logout'
