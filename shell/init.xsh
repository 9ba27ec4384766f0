# claude-vault for xonsh; the line for ~/.xonshrc is in `claude-vault init --help`.
# Then `claude-vault login`, `renew` and `logout` change this shell.
def _claude_vault():
    import json
    import subprocess

    program = @BIN@
    env = __xonsh__.env

    def held():
        return getattr(__xonsh__, "_claude_vault_held", None)

    def put(variables):
        for name, value in variables.items():
            if value is None:
                env.pop(name, None)
            else:
                env[name] = value

    def environment():
        variables = {**env.detype(), **(held() or {})}
        return {name: value for name, value in variables.items() if value is not None}

    def session(arguments):
        done = subprocess.run([program, "--source", "xonsh", "-", *arguments], env=environment(), stdout=subprocess.PIPE)
        variables = json.loads(done.stdout) if done.stdout else {}
        put(variables) if held() is None else held().update(variables)
        return done.returncode

    def command(arguments):
        if arguments[:1] in (["login"], ["logout"], ["renew"]):
            return ["sh", "-c", f"exit {session(arguments)}"]
        return [program, *arguments]

    # Before xonsh 0.19, an alias cannot return a command. As a function, the alias gets no terminal.
    def function(arguments, stdin=None, stdout=None, stderr=None):
        if arguments[:1] in (["login"], ["logout"], ["renew"]):
            return session(arguments)
        return subprocess.run([program, *arguments], env=environment(), stdin=stdin, stdout=stdout, stderr=stderr).returncode

    def define():
        modern = hasattr(aliases, "return_command") and held() is None
        aliases["claude-vault"] = aliases.return_command(command) if modern else function

    def start(**_):
        variables = held()
        __xonsh__._claude_vault_held = None
        put(variables)
        define()

    # After its rc files have run, an interactive xonsh writes its initial variables into its history file.
    # Until then, keep the session here and not in the environment.
    if env.get("XONSH_INTERACTIVE") and __xonsh__.history is None and held() is None:
        names = [name for name in ("VAULT_TOKEN", "BAO_TOKEN", "CLAUDE_VAULT_SESSION") if name in env]
        __xonsh__._claude_vault_held = {name: env.pop(name) for name in names}
        events.on_post_init(start)
    define()


_claude_vault()
del _claude_vault
