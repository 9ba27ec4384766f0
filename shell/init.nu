# claude-vault for Nushell, once:
#   mkdir ($nu.data-dir | path join vendor autoload)
#   claude-vault init nushell | save --force ($nu.data-dir | path join vendor autoload claude-vault.nu)
# Then `claude-vault login`, `renew` and `logout` change this shell. A failed login is an error.
def --env --wrapped claude-vault [...arguments] {
    let input = $in
    if ($arguments | get 0? | default '') in [login logout renew] {
        # The program prints its status as the last line and exits with 0, because Nushell discards the output of a
        # program that fails.
        let lines = (^@BIN@ --source nushell - ...$arguments | lines)
        let session = ($lines | drop 1 | str join | from json | default {})
        for name in ($session | columns) {
            let value = ($session | get $name)
            if $value == null { hide-env --ignore-errors $name } else { load-env {$name: $value} }
        }
        let status = ($lines | last | default '1')
        if $status != '0' { ^sh -c $"exit ($status)" }
    } else if $input == null {
        ^@BIN@ ...$arguments
    } else {
        $input | ^@BIN@ ...$arguments
    }
}
