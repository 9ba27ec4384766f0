# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_claude_vault_global_optspecs
    string join \n address= mount= path= root= insecure-http json color= h/help V/version
end

function __fish_claude_vault_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_claude_vault_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_claude_vault_using_subcommand
    set -l cmd (__fish_claude_vault_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c claude-vault -n "__fish_claude_vault_needs_command" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_needs_command" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_needs_command" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_needs_command" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_needs_command" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_needs_command" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -s V -l version -d 'Print version'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "login" -d 'Sign in with the browser; the shell holds the session for an hour'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "logout" -d 'End the session: revoke the token, forget the variables'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "status" -d 'Show who is signed in and for how long'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "list" -d 'List services, or the keys of one'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "ls" -d 'List services, or the keys of one'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "get" -d 'Print one value, or all of a service'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "set" -d 'Set keys of a service, after you said yes'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "inject" -d 'Write a service\'s .env or secrets.yaml'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "exec" -d 'Run a program with a service\'s secrets in its environment'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "adopt" -d 'Move a service\'s files into Vault: .env, compose and secrets.yaml, with a way back'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "scan" -d 'Find what looks like a secret in env, compose and YAML files; no value is shown'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "example" -d 'Write a template to commit, without the secrets of a .env or compose file'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "approve" -d 'Answer the changes that an AI assistant asked for'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "mcp" -d 'Serve AI assistants over MCP, on standard input and output'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "audit" -d 'Show the audit log, or check that nobody changed it'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "config" -d 'Show what is set and where it came from; --all shows every setting'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "doctor" -d 'Say what is wrong with this setup, and what mends it'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "dev" -d 'Try it all on a throwaway server on this machine'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "init" -d 'Print the function for a shell, or say what is missing here'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "completions" -d 'Print the completion of commands and options for a shell'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "setup" -d 'Install for you alone, or uninstall'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "complete-names" -d 'What the completions ask for while a person types'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "dev-server" -d 'What `dev` starts its server through, so that the server ends with it'
complete -c claude-vault -n "__fish_claude_vault_needs_command" -f -a "dev-sign-in" -d 'What stands in for the browser in `dev --tour`'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l method -d 'How to sign in [default: oidc]' -r -f -a "oidc\t'Vault\'s OIDC login, in the browser'
jwt\t'At the identity provider itself, then Vault\'s JWT login'
device\t'With a browser on any other machine'
token\t'A token you have, pasted'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l role -d 'The role to ask Vault for, instead of its default' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l auth-mount -d 'Where the login method is mounted [default: oidc, or jwt]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l issuer -d 'The identity provider to ask itself, for jwt and device' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l client-id -d 'This program\'s client ID there: a public client' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l port -d 'The port the browser comes back to; another one if it is taken [default: 8250]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l browser -d 'The command that opens the URL, instead of BROWSER or the desktop\'s' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l timeout -d 'How long to wait for you' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l shell -d 'The syntax to print, for: eval "$(claude-vault login)"' -r -f -a "sh\t'POSIX shells: bash, zsh, ksh, mksh, dash, busybox'
fish\t'fish'
elvish\t'elvish, for eval'
tcsh\t'tcsh, for eval'
nushell\t'Nushell: one JSON object for load-env; null says hide-env'
xonsh\t'xonsh: the same object'
powershell\t'PowerShell: the same object'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l no-browser -d 'Do not open a browser here; the URL is printed either way'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l force -d 'Sign in again though the session is still alive'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand logout" -l shell -d 'The syntax to print, for: eval "$(claude-vault logout)"' -r -f -a "sh\t'POSIX shells: bash, zsh, ksh, mksh, dash, busybox'
fish\t'fish'
elvish\t'elvish, for eval'
tcsh\t'tcsh, for eval'
nushell\t'Nushell: one JSON object for load-env; null says hide-env'
xonsh\t'xonsh: the same object'
powershell\t'PowerShell: the same object'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand logout" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand logout" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand logout" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand logout" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand logout" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand logout" -l revoke -d 'Revoke the token also if no login here made it'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand logout" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand logout" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand status" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand status" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand status" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand status" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand status" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand status" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand status" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand list" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand list" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand list" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand list" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand list" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand list" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand list" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand ls" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand ls" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand ls" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand ls" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand ls" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand ls" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand ls" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand get" -l version -d 'An older version of the service' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand get" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand get" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand get" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand get" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand get" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand get" -s n -d 'No line break after the value'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand get" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand get" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l generate -d 'Make a random value of LENGTH characters [default: 32]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l from -d 'Take the keys of a .env, YAML or JSON file; - reads standard input' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l format -d 'The format of the file, where its name does not tell' -r -f -a "env\t'`KEY=value` lines'
yaml\t'A flat YAML mapping'
json\t'A JSON object, or the JSON of a secrets tool'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l dialect -d 'The program that reads the .env file, instead of guessing by the files beside it' -r -f -a "portable\t'What most readers read alike'
shell\t'`set -a; . ./.env` in bash, zsh, ksh, dash'
systemd\t'`EnvironmentFile=` of systemd'
compose\t'docker compose'
compose-1\t'docker-compose 1, end of life since 2023'
compose-raw\t'docker compose\'s `env_file` with `format: raw`'
docker\t'`docker run --env-file`'
node\t'npm dotenv'
node-env-file\t'`node --env-file`'
vite\t'Vite, Next.js and others with dotenv-expand'
python\t'python-dotenv'
ruby\t'dotenv for Ruby, version 3'
php\t'phpdotenv (Laravel)'
rust\t'dotenvy, mise, just'
go\t'godotenv'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l env -d 'Take the variable NAME, which the file refers to, from the environment' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l only -d 'Only these keys of the file' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l except -d 'All keys of the file but these' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l dry-run -d 'Show what would change and stop'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l secrets-only -d 'Only the keys of the file that look like secrets'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l text -d 'Store every KEY=VALUE as text, also over a number or a boolean'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l no-confirm -d 'Write without asking, for scripts'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l reveal -d 'Show the new values in the plan'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l format -d 'The format, instead of the one found' -r -f -a "env\t'`KEY=value` lines'
yaml\t'A flat `secrets.yaml`'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l file -d 'The file, instead of those found; FILE.example is its template' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l dialect -d 'Who reads the .env file, instead of guessing by the files beside it: one or several, as in compose,shell' -r -f -a "portable\t'What most readers read alike'
shell\t'`set -a; . ./.env` in bash, zsh, ksh, dash'
systemd\t'`EnvironmentFile=` of systemd'
compose\t'docker compose'
compose-1\t'docker-compose 1, end of life since 2023'
compose-raw\t'docker compose\'s `env_file` with `format: raw`'
docker\t'`docker run --env-file`'
node\t'npm dotenv'
node-env-file\t'`node --env-file`'
vite\t'Vite, Next.js and others with dotenv-expand'
python\t'python-dotenv'
ruby\t'dotenv for Ruby, version 3'
php\t'phpdotenv (Laravel)'
rust\t'dotenvy, mise, just'
go\t'godotenv'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l all -d 'Every service that has a folder here'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l strict -d 'Refuse keys whose names a .env file cannot hold, instead of leaving them out'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l gitignore -d 'Add the file and its backups to .gitignore where git would take them'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l dry-run -d 'Show what would be updated, added, removed and kept, and write nothing'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l diff -d 'Show which keys would change, and write nothing'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l check -d 'Write nothing, and exit with 1 when a value would change'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l reveal -d 'With --diff: show the values too, on this terminal only'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l quiet -d 'Print failures only'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand inject" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand exec" -l only -d 'Only these keys, separated by commas' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand exec" -l prefix -d 'Put this before each variable\'s name' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand exec" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand exec" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand exec" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand exec" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand exec" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand exec" -l strict -d 'Refuse when two services have the same key'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand exec" -l clean -d 'Nothing else in the environment'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand exec" -l keep-token -d 'Leave the session\'s variables in the environment'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand exec" -l env-file-fd -d 'Pass them as a file in memory instead, for docker run --env-file {}'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand exec" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand exec" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand exec" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand adopt" -l name -d 'The service of the files in the root itself, instead of the root folder\'s name' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand adopt" -l prefer -d 'Which value counts where Vault holds another one; without it, such a key is skipped' -r -f -a "file\t'The file\'s'
vault\t'Vault\'s'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand adopt" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand adopt" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand adopt" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand adopt" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand adopt" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand adopt" -l all -d 'Every folder below the root'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand adopt" -l all-keys -d 'Store what is no secret too'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand adopt" -l undo -d 'Put the files back as they were, and take out of Vault what adopt added'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand adopt" -l done -d 'Remove the backups, which hold the secrets in plain text; after that, undo is over'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand adopt" -l dry-run -d 'Show what would be done and stop'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand adopt" -l no-confirm -d 'Write without asking, for scripts'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand adopt" -l reveal -d 'Show the new values in the plan'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand adopt" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand adopt" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand adopt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand scan" -l baseline -d 'Known findings: files and keys, nothing that depends on a value' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand scan" -l dialect -d 'Who reads the env files, instead of guessing by the files beside them' -r -f -a "portable\t'What most readers read alike'
shell\t'`set -a; . ./.env` in bash, zsh, ksh, dash'
systemd\t'`EnvironmentFile=` of systemd'
compose\t'docker compose'
compose-1\t'docker-compose 1, end of life since 2023'
compose-raw\t'docker compose\'s `env_file` with `format: raw`'
docker\t'`docker run --env-file`'
node\t'npm dotenv'
node-env-file\t'`node --env-file`'
vite\t'Vite, Next.js and others with dotenv-expand'
python\t'python-dotenv'
ruby\t'dotenv for Ruby, version 3'
php\t'phpdotenv (Laravel)'
rust\t'dotenvy, mise, just'
go\t'godotenv'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand scan" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand scan" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand scan" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand scan" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand scan" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand scan" -l all -d 'Show what is taken for no secret too'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand scan" -l check -d 'Exit 1 when there is a secret that neither a comment nor the baseline allows'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand scan" -l sarif -d 'Print a SARIF 2.1.0 log'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand scan" -l update-baseline -d 'Write the baseline from what is found now'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand scan" -l rules -d 'List the rules that decide'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand scan" -l vault -d 'Compare with every service in Vault, not only with the folder\'s own'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand scan" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand scan" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand scan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand example" -s o -l output -d 'Where to write [default: FILE.example, or docker-compose.example.yml beside a compose file]' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand example" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand example" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand example" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand example" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand example" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand example" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand example" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand example" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and not __fish_seen_subcommand_from pending open enroll address list remove" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and not __fish_seen_subcommand_from pending open enroll address list remove" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and not __fish_seen_subcommand_from pending open enroll address list remove" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and not __fish_seen_subcommand_from pending open enroll address list remove" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and not __fish_seen_subcommand_from pending open enroll address list remove" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and not __fish_seen_subcommand_from pending open enroll address list remove" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and not __fish_seen_subcommand_from pending open enroll address list remove" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and not __fish_seen_subcommand_from pending open enroll address list remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and not __fish_seen_subcommand_from pending open enroll address list remove" -f -a "pending" -d 'Show what waits for you, and answer each change with yes or no'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and not __fish_seen_subcommand_from pending open enroll address list remove" -f -a "open" -d 'Open the pages of the changes that wait, in the browser'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and not __fish_seen_subcommand_from pending open enroll address list remove" -f -a "enroll" -d 'Add a passkey that approves changes'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and not __fish_seen_subcommand_from pending open enroll address list remove" -f -a "address" -d 'Say that Vault moved: step-up asks before it goes to another address'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and not __fish_seen_subcommand_from pending open enroll address list remove" -f -a "list" -d 'List your passkeys'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and not __fish_seen_subcommand_from pending open enroll address list remove" -f -a "remove" -d 'Remove a passkey'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from pending" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from pending" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from pending" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from pending" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from pending" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from pending" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from pending" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from pending" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from open" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from open" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from open" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from open" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from open" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from open" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from open" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from open" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from enroll" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from enroll" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from enroll" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from enroll" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from enroll" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from enroll" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from enroll" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from enroll" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from address" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from address" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from address" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from address" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from address" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from address" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from address" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from address" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from list" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from list" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from list" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from list" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from list" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from list" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from remove" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from remove" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from remove" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from remove" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from remove" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from remove" -l all -d 'All of them, also when the store was changed by something else'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from remove" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from remove" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand approve; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand mcp" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand mcp" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand mcp" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand mcp" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand mcp" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand mcp" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand mcp" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand mcp" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand audit; and not __fish_seen_subcommand_from verify" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand audit; and not __fish_seen_subcommand_from verify" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand audit; and not __fish_seen_subcommand_from verify" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand audit; and not __fish_seen_subcommand_from verify" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand audit; and not __fish_seen_subcommand_from verify" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand audit; and not __fish_seen_subcommand_from verify" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand audit; and not __fish_seen_subcommand_from verify" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand audit; and not __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand audit; and not __fish_seen_subcommand_from verify" -f -a "verify" -d 'Check that no line was edited, removed or moved'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand audit; and __fish_seen_subcommand_from verify" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand audit; and __fish_seen_subcommand_from verify" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand audit; and __fish_seen_subcommand_from verify" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand audit; and __fish_seen_subcommand_from verify" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand audit; and __fish_seen_subcommand_from verify" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand audit; and __fish_seen_subcommand_from verify" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand audit; and __fish_seen_subcommand_from verify" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand audit; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and not __fish_seen_subcommand_from edit" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and not __fish_seen_subcommand_from edit" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and not __fish_seen_subcommand_from edit" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and not __fish_seen_subcommand_from edit" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and not __fish_seen_subcommand_from edit" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and not __fish_seen_subcommand_from edit" -l all -d 'Show also the settings that have their defaults'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and not __fish_seen_subcommand_from edit" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and not __fish_seen_subcommand_from edit" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and not __fish_seen_subcommand_from edit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and not __fish_seen_subcommand_from edit" -f -a "edit" -d 'Open the config file in your editor, and check it afterwards'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and __fish_seen_subcommand_from edit" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and __fish_seen_subcommand_from edit" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and __fish_seen_subcommand_from edit" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and __fish_seen_subcommand_from edit" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and __fish_seen_subcommand_from edit" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and __fish_seen_subcommand_from edit" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and __fish_seen_subcommand_from edit" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand config; and __fish_seen_subcommand_from edit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand doctor" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand doctor" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand doctor" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand doctor" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand doctor" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand doctor" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand doctor" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev" -l tour -d 'Walk through the main job without a browser, showing each command and its output'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand init" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand init" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand init" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand init" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand init" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand init" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand init" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand completions" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand completions" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand completions" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand completions" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand completions" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand completions" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand completions" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand setup" -l to -d 'Where to install: DIR/bin, DIR/libexec and DIR/share [default: ~/.local]' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand setup" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand setup" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand setup" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand setup" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand setup" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand setup" -l uninstall -d 'Remove what was installed there'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand setup" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand setup" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand setup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand complete-names" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand complete-names" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand complete-names" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand complete-names" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand complete-names" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand complete-names" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand complete-names" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand complete-names" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev-server" -l address -d 'Vault\'s address, instead of VAULT_ADDR' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev-server" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev-server" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev-server" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev-server" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev-server" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev-server" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev-server" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev-sign-in" -l mount -d 'The KV version 2 mount [default: secret]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev-sign-in" -l path -d 'The path below the mount where services lie; / for none [default: proxmox-services]' -r
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev-sign-in" -l root -d 'The folder that holds a folder for each service; nothing outside it is written' -r -F
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev-sign-in" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, without `NO_COLOR`'
always\t'Always on stderr'
never\t'Never'"
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev-sign-in" -l insecure-http -d 'Allow a token to travel over plain http to another machine'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev-sign-in" -l json -d 'Print one JSON object instead of text'
complete -c claude-vault -n "__fish_claude_vault_using_subcommand dev-sign-in" -s h -l help -d 'Print help (see more with \'--help\')'
# Names of services and keys from Vault, where a session is.
function __claude_vault_words
    set -l value
    for word in (commandline -opc)
        if contains -- $word --address --auth-mount --baseline --browser --client-id --color --dialect --env --except --file --format --from --generate --issuer --method --mount --name --only --output --path --port --prefer --prefix --role --root --shell --timeout --to --version
            set value next
        else
            test -n "$value"; or string match -v -- '-*' $word
            set value
        end
    end
end
function __claude_vault_at
    set -l words (__claude_vault_words)
    test (count $words) -eq $argv[1]; and contains -- $words[2] $argv[2..]
end
complete -c claude-vault -n '__claude_vault_at 2 list ls get show set put register inject exec run' -f -a '(claude-vault complete-names 2>/dev/null)'
complete -c claude-vault -n '__claude_vault_at 3 get show set put register' -f -a '(claude-vault complete-names -- (__claude_vault_words)[3] 2>/dev/null)'
