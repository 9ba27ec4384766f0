#!/usr/bin/env python3
"""Records docs/terminal.svg: types into a real bash in a real `claude-vault dev`, as a person would.

    docs/record.py        (Debian's termtosvg makes the picture; cargo build --release before it)
"""
import json, os, pty, select, struct, subprocess, sys, tempfile, time
import fcntl, termios

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAM = os.path.join(ROOT, "target/release/claude-vault")
COLUMNS, ROWS = 96, 26
PROMPT = "$ "
# What is typed, and what must be seen before the next line is.
SCENE = [
    ("source claude-vault login", PROMPT),
    ("claude-vault set jellyfin API_KEY --generate DB_PASSWORD", "Value of API_KEY (hidden): "),
    ('it is "safe" & more', "Type yes to write it: "),
    ("yes", PROMPT),
    ("claude-vault list jellyfin", PROMPT),
    ("claude-vault inject jellyfin", PROMPT),
    ("cat jellyfin/.env", PROMPT),
    ("source claude-vault logout", PROMPT),
]


def main():
    home = tempfile.mkdtemp()
    environment = {
        "HOME": home, "PATH": f"{ROOT}/tests/ground/bin:/usr/bin:/bin", "TERM": "xterm-256color", "LANG": "C.UTF-8",
    }
    shell = ["bash", "--norc", "--noprofile", "-i"]
    child, terminal = pty.fork()
    if child == 0:
        environment["PS1"] = "\\[\\e[32m\\]$\\[\\e[0m\\] "
        os.execve(PROGRAM, [PROGRAM, "dev", "--", *shell], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    started, events, screen = None, [], ""

    def watch(until, longest=20.0):
        nonlocal screen
        end = time.time() + longest
        seen = ""
        while time.time() < end:
            if select.select([terminal], [], [], 0.05)[0]:
                text = os.read(terminal, 65536).decode()
                seen += text
                if started is not None:
                    events.append((time.time() - started, text))
            elif until and strip(seen).endswith(until):
                return
        if until:
            sys.exit(f"timed out waiting for {until!r} in:\n{seen}")

    watch(PROMPT)
    os.write(terminal, f"export CLAUDE_VAULT_BROWSER='{PROGRAM} dev-sign-in'; clear\n".encode())
    watch(PROMPT)
    started = time.time()
    events.append((0.0, "\x1b[H\x1b[2J\x1b[32m$\x1b[0m "))
    for line, until in SCENE:
        watch("", 0.7)
        for character in line:
            os.write(terminal, character.encode())
            watch("", 0.02)
        watch("", 0.3)
        os.write(terminal, b"\n")
        watch(until)
    watch("", 3.0)
    os.write(terminal, b"exit\n")
    os.waitpid(child, 0)
    cast = os.path.join(home, "cast")
    with open(cast, "w", encoding="utf-8") as file:
        print(json.dumps({"version": 2, "width": COLUMNS, "height": ROWS}), file=file)
        for at, text in events:
            # termtosvg draws bold text in dark colours: leave bold out.
            print(json.dumps([round(at, 3), "o", text.replace("\x1b[1m", "")]), file=file)
    target = os.path.join(ROOT, "docs/terminal.svg")
    subprocess.run(["termtosvg", "render", cast, target, "-t", "window_frame", "-D", "4000", "-M", "1500"], check=True)


def strip(text):
    import re
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


main()
