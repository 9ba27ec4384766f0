# The main tasks from start to finish, on the throwaway server of `claude-vault dev --tour`.
# Each command is shown and then run. The text below a command is its real output.
step() {
    if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then printf '\n\033[1m$ %s\033[0m\n' "$*"; else printf '\n$ %s\n' "$*"; fi
    eval "$*" || exit
}

printf 'The tour signs in without a browser. With claude-vault dev, you sign in yourself.\n'
step 'source claude-vault login'
step 'claude-vault status'
step "claude-vault set jellyfin GREETING='it is \"safe\" & more' --generate DB_PASSWORD --no-confirm"
step 'claude-vault list'
step 'claude-vault list jellyfin'
step 'claude-vault get jellyfin GREETING'
printf '\nHow to undo a mistake.\n'
step 'claude-vault set jellyfin GREETING=oops --no-confirm'
step 'claude-vault history jellyfin'
step 'claude-vault rollback jellyfin 2 --no-confirm'
step 'claude-vault delete jellyfin --no-confirm'
step 'claude-vault undelete jellyfin --no-confirm'
step "claude-vault find '*password'"
printf '\nWriting the files of services.\n'
step 'claude-vault inject jellyfin'
step 'cat jellyfin/.env'
step 'claude-vault inject esphome'
step 'cat esphome/config/secrets.yaml'
step 'claude-vault audit verify'
step 'source claude-vault logout'
