# Readers that are separate programs: python3 commands.py NAME [PROGRAM]. Reads paths on stdin and prints one line
# of JSON for each on stdout. If a shell reports an error but continues, its line has both "error" and "ok".
import concurrent.futures, http.server, json, os, shlex, shutil, signal, socketserver, subprocess, sys, tempfile, threading

name = sys.argv[1]
shells = {
    "bash": ["bash", "--norc", "--noprofile"],
    "bash-posix": ["bash", "--norc", "--noprofile", "--posix"],
    "dash": ["dash"],
    "zsh": ["zsh", "-f"],
    "ksh93": ["ksh93"],
    "mksh": ["mksh"],
    "busybox": ["busybox", "sh"],
}
place = tempfile.TemporaryDirectory()
clean = {"PATH": "/usr/bin:/bin"}


def run(command, environment=clean):
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=environment, cwd=place.name, start_new_session=True
    ) as started:
        try:
            out, said = started.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            raise
    return started.returncode, out.decode("utf-8", "replace"), said.decode("utf-8", "replace").strip()


def variables(path):
    # The path is part of the script, so that $1 is empty, as in a shell started without arguments. No shell can
    # set a variable named "?", so it carries the exit status of the last command.
    script = f'exec 3>&1 >/dev/null; set -a; . {shlex.quote(path)}\n/usr/bin/env -0 "?=$?" >&3'
    status, out, said = run([*shells[name], "-c", script])
    found = dict(pair.split("=", 1) for pair in out.split("\0") if "=" in pair)
    if "?" not in found:
        return None, f"{said} (ended with {status})"
    ended = found.pop("?")
    return found, said if said or ended == "0" else f"the last command ended with {ended}"


def shell(path):
    found, said = variables(path)
    if found is None:
        return {"error": said}
    answer = {"ok": {k: v for k, v in found.items() if k not in ("_", "A__z", "SHLVL") and before.get(k) != v}}
    return {"error": said, **answer} if said else answer


# Reads many files in one shell, each in its own subshell. A file that produces no environment is read again alone.
def shells_at_once(paths):
    script = "exec 3>&1 >/dev/null\n"
    errors = [os.path.join(place.name, f"{threading.get_ident()}-{n}") for n in range(len(paths))]
    for n, path in enumerate(paths):
        read = f'set -a; . {shlex.quote(path)}\n/usr/bin/env -0 "?=$?" "?n={n}" >&3'
        script += f"({read}) 2>{shlex.quote(errors[n])} & wait $!\n"
    try:
        _, out, _ = run([*shells[name], "-c", script])
    except subprocess.TimeoutExpired:
        out = ""
    answers, found = {}, {}
    for pair in out.split("\0"):
        key, _, value = pair.partition("=")
        if key == "?n":
            answers[int(value)], found = found, {}
        elif key:
            found[key] = value
    return [answer_of(answers.get(n), path, errors[n]) for n, path in enumerate(paths)]


def answer_of(found, path, error):
    if found is None:
        return next(iter(each(shell)([path])))
    with open(error, encoding="utf-8", errors="replace") as file:
        said = file.read().strip()
    ended = found.pop("?", "0")
    said = said if said or ended == "0" else f"the last command ended with {ended}"
    answer = {"ok": {k: v for k, v in found.items() if k not in ("_", "A__z", "SHLVL") and before.get(k) != v}}
    return {"error": said, **answer} if said else answer


def direnv(path):
    status, out, said = run([program, "dotenv", "json", path])
    return {"ok": json.loads(out)} if status == 0 else {"error": said}


def bun(path):
    script = "process.stdout.write(JSON.stringify(process.env))"
    status, out, said = run([program, f"--env-file={path}", "-e", script])
    if status:
        return {"error": said}
    found = json.loads(out)
    return {"ok": {k: v for k, v in found.items() if before.get(k) != v}}


# A docker daemon that records the containers it should create, and creates none.
class Daemon(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = {}

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Api-Version", "1.44")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        self.answer(200, {"ApiVersion": "1.44", "Version": "20.10.24", "Os": "linux"})

    do_HEAD = do_GET

    def do_POST(self):
        size = self.headers.get("Content-Length")
        if size is None:
            body = b""
            while length := int(self.rfile.readline(), 16):
                body += self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(size))
        asked = json.loads(body)
        Daemon.asked[asked["Image"]] = asked["Env"] or []
        self.answer(400, {"message": "written down"})

    def address_string(self):
        return ""

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


counter = iter(range(1 << 60))


# Passes many files to one container. A marker file before each tells which file the next variables come from.
def docker(paths):
    image = f"i{next(counter)}"
    files = []
    for n, path in enumerate(paths):
        mark = os.path.join(place.name, f"mark{n}")
        if not os.path.exists(mark):
            with open(mark, "w") as file:
                file.write(f"?n={n}\n")
        files += ["--env-file", mark, "--env-file", path]
    command = [program, "-H", f"unix://{place.name}/socket", "create", *files, image]
    status, _, said = run(command, {**clean, "DOCKER_CONFIG": place.name})
    if image in Daemon.asked:
        answers = []
        for pair in Daemon.asked.pop(image):
            key, _, value = pair.partition("=")
            if key == "?n":
                answers.append({})
            else:
                answers[-1][key] = value
        return [{"ok": found} for found in answers]
    if len(paths) == 1:
        return [{"error": said}]
    half = len(paths) // 2
    return docker(paths[:half]) + docker(paths[half:])


# Makes each file a service of one project. If compose refuses the project, it is halved until the bad file is found.
def compose(paths):
    raw = {"format": "raw"} if name == "compose-raw" else {}
    services = {
        f"s{n}": {"image": "none", "env_file": [{"path": path.replace("$", "$$"), **raw}]} for n, path in enumerate(paths)
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir=place.name) as file:
        json.dump({"services": services}, file)
        file.flush()
        command = [program, "--project-name", "p", "--project-directory", place.name, "--file", file.name]
        status, out, said = run([*command, "config", "--format", "json"], {**clean, "DOCKER_CONFIG": place.name})
    if status == 0:
        found = json.loads(out)["services"]
        # The output of config is meant for Compose to read again, so every $ is doubled.
        variables = [found[service].get("environment") or {} for service in services]
        return [{"ok": {k: v.replace("$$", "$") for k, v in some.items() if v is not None}} for some in variables]
    if len(paths) == 1:
        return [{"error": said}]
    half = len(paths) // 2
    return compose(paths[:half]) + compose(paths[half:])


def each(read):
    def answers(paths):
        for path in paths:
            try:
                yield read(path)
            except (subprocess.TimeoutExpired, ValueError) as error:
                yield {"error": f"{type(error).__name__}: {error}"}

    return lambda paths: list(answers(paths))


ground = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
usual = {"bun": f"{ground}/node_modules/@oven/bun-linux-x64/bin/bun"}
program = shutil.which(sys.argv[2] if len(sys.argv) > 2 else usual.get(name, name)) if name not in shells else ""
if program is None:
    sys.exit(f"no program for {name}")
program = os.path.abspath(program)
if name == "docker":
    threading.Thread(target=Server(f"{place.name}/socket", Daemon).serve_forever, daemon=True).start()
before = {}
if name in shells:
    before, _ = variables("/dev/null")
    if name == "ksh93":  # exports these by itself, some of them only after a command was started
        before |= {"_AST_FEATURES": "UNIVERSE - ucb", "IFS": " \t\n"}
elif name == "bun":
    before = bun("/dev/null")["ok"]
at_once = {"compose": compose, "compose-raw": compose, "docker": docker, **dict.fromkeys(shells, shells_at_once)}
reader = at_once.get(name) or each({"direnv": direnv, "bun": bun}[name])
size = 64 if name in at_once else 8

paths = sys.stdin.buffer.read().decode("utf-8").splitlines()
parts = [paths[at:at + size] for at in range(0, len(paths), size)]
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    for answers in pool.map(reader, parts):
        for answer in answers:
            print(json.dumps(answer))
