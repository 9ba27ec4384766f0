# Python readers: python3 readers.py NAME, with PYTHONPATH=tests/ground/python. Reads paths on stdin and prints one line
# of JSON for each on stdout. A value without a JSON type is written as {"!type": "text"}, and a key that is not a string
# as "!type text".
import ctypes, glob, importlib.abc, importlib.machinery, importlib.util, json, logging, math, os, re, signal, sys, warnings
from pathlib import Path

logging.disable(logging.CRITICAL)
os.environ.clear()
os.environ["PATH"] = "/usr/bin:/bin"


def key(value):
    return str.__str__(value) if isinstance(value, str) else f"!{type(value).__name__} {value}"


def plain(value):
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, str):
        # UTF-8, and therefore JSON, cannot encode surrogates
        return {"!str": ascii(value)} if re.search("[\ud800-\udfff]", value) else str.__str__(value)
    if isinstance(value, dict):
        return {key(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return {f"!{type(value).__name__}": str(value)}


def text(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def pyyaml(c):
    import yaml

    loader = yaml.CSafeLoader if c else yaml.SafeLoader
    return lambda path: yaml.load(Path(path).read_bytes(), loader)


def ruamel(version):
    from ruamel.yaml import YAML

    def read(path):
        yaml = YAML(typ="safe", pure=True)
        yaml.version = version
        return yaml.load(Path(path).read_bytes())

    return read


def strict():
    import strictyaml

    return lambda path: strictyaml.load(text(path)).data


# annotatedyaml needs Python 3.12 or later; two constructs are rewritten for Debian's 3.11
class Older(importlib.abc.MetaPathFinder, importlib.machinery.SourceFileLoader):
    def __init__(self, name="", path=""):
        super().__init__(name, path)

    def find_spec(self, name, path, target=None):
        if not name.startswith("annotatedyaml.") or sys.version_info >= (3, 12):
            return None
        file = os.path.join(path[0], name.split(".")[1] + ".py")
        return importlib.util.spec_from_file_location(name, file, loader=Older(name, file))

    def get_code(self, name):
        source = re.sub(r"^type (\w+ =)", r"\1", text(self.path), flags=re.M)
        return compile(re.sub(r"^(def \w+)\[.*\]\($", r"\1(", source, flags=re.M), self.path, "exec")


def home_assistant(secrets):
    sys.meta_path.insert(0, Older())
    import annotatedyaml.loader as loader

    if secrets:
        return lambda path: loader.load_yaml(path, loader.Secrets(Path(path).parent))
    return lambda path: loader.load_yaml(path)


def esphome():
    from esphome import yaml_util
    from esphome.core import CORE

    def read(path):
        CORE.config_path = Path(path)
        return yaml_util.load_yaml(Path(path))

    return read


def dotenv(interpolate):
    from dotenv import dotenv_values

    return lambda path: dotenv_values(path, interpolate=interpolate)


# reads an env_file like docker-compose 1.29
def compose_1():
    from dotenv import dotenv_values

    return lambda path: dotenv_values(dotenv_path=path, encoding="utf-8-sig", interpolate=True)


# reads like a unit's EnvironmentFile=: load_env_file, then invalid variable names are dropped
def systemd():
    lib = ctypes.CDLL(max(glob.glob("/usr/lib/*/systemd/libsystemd-shared-*.so")))
    libc = ctypes.CDLL(None)
    lib.strv_free.argtypes = [ctypes.c_void_p]
    lib.log_set_max_level(2)

    def read(path):
        strings = ctypes.POINTER(ctypes.c_char_p)()
        status = lib.load_env_file(None, os.fsencode(path), ctypes.byref(strings))
        if status < 0:
            raise OSError(-status, os.strerror(-status))
        found, at = {}, 0
        while strings and strings[at]:
            if lib.env_assignment_is_valid(strings[at]):
                key, _, value = strings[at].decode("utf-8").partition("=")
                found[key] = value
            at += 1
        lib.strv_free(ctypes.cast(strings, ctypes.c_void_p))
        return found

    return read


def late(*_):
    raise TimeoutError("no answer in 10 seconds")


readers = {
    "pyyaml": lambda: pyyaml(False),
    "pyyaml-c": lambda: pyyaml(True),
    "ruamel": lambda: ruamel(None),
    "ruamel-1.1": lambda: ruamel((1, 1)),
    "strictyaml": strict,
    "annotatedyaml": lambda: home_assistant(False),
    "annotatedyaml-secret": lambda: home_assistant(True),
    "esphome": esphome,
    "python-dotenv": lambda: dotenv(True),
    "python-dotenv-plain": lambda: dotenv(False),
    "compose-1": compose_1,
    "systemd": systemd,
}
read = readers[sys.argv[1]]()
warnings.simplefilter("ignore")  # after the imports, some of which set filters of their own
signal.signal(signal.SIGALRM, late)
for line in sys.stdin.buffer:
    signal.alarm(10)
    try:
        answer = {"ok": plain(read(os.fsdecode(line.rstrip(b"\n"))))}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    signal.alarm(0)
    print(json.dumps(answer), flush=True)
