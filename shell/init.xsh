# claude-vault for xonsh:  execx($(claude-vault init xonsh))   (in ~/.xonshrc)
# Then `claude-vault login` and `claude-vault logout` change this shell.
def _claude_vault():
    import json
    import subprocess

    program = @BIN@

    def session(arguments):
        done = subprocess.run(
            [program, "--source", "xonsh", "-", *arguments], env=__xonsh__.env.detype(), stdout=subprocess.PIPE
        )
        for name, value in (json.loads(done.stdout) if done.stdout else {}).items():
            if value is None:
                __xonsh__.env.pop(name, None)
            else:
                __xonsh__.env[name] = value
        return done.returncode

    def command(arguments):
        if arguments[:1] in (["login"], ["logout"]):
            return ["sh", "-c", f"exit {session(arguments)}"]
        return [program, *arguments]

    # Before xonsh 0.19 an alias cannot become a command; as a function it gets no terminal.
    def function(arguments, stdin=None, stdout=None, stderr=None):
        if arguments[:1] in (["login"], ["logout"]):
            return session(arguments)
        environment = __xonsh__.env.detype()
        return subprocess.run([program, *arguments], env=environment, stdin=stdin, stdout=stdout, stderr=stderr).returncode

    # An interactive xonsh writes the variables that it starts with into its history file. This runs before.
    held = {}
    if __xonsh__.env.get("XONSH_INTERACTIVE") and __xonsh__.history is None:
        for name in ("VAULT_TOKEN", "BAO_TOKEN"):
            if name in __xonsh__.env:
                held[name] = __xonsh__.env.pop(name)

    def give_back(**_):
        __xonsh__.env.update(held)
        held.clear()

    if held:
        events.on_post_init(give_back)

    modern = hasattr(aliases, "return_command")
    aliases["claude-vault"] = aliases.return_command(command) if modern else function


_claude_vault()
del _claude_vault
