"""Installs and builds the peers under target/peers; what fails is reported, and the others go on."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

PEERS = Path(__file__).resolve().parent.parent
TARGET = PEERS.parent.parent / "target" / "peers"


def log(text):
    print(text, file=sys.stderr, flush=True)


def reason_of(output):
    """The line of a failed command's output that says most."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [k for k, line in enumerate(lines) if re.match(r"(?i)\w*error\b", line)]
    first = errors[0] if errors else len(lines) - 1
    # Some go on in the next line.
    text = " ".join(lines[first : first + 2] if lines[first:] and lines[first].endswith(":") else lines[first : first + 1])
    return text[:200] or "no output"


class Prepared:
    def __init__(self, options):
        self.options, self.done = options, {}
        self.python = TARGET / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
        cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
        if cpus and len(cpus) < options.threads:
            sys.exit(f"run: --threads {options.threads}, but this process may use only {len(cpus)} CPU")
        self.cpus = cpus and cpus[-options.threads :]

    def prepare(self, peer):
        """Makes a peer ready; the reason, if it cannot be."""
        key = peer.program if peer.is_rust else peer.package
        if key not in self.done:
            self.done[key] = self.build(peer) if peer.is_rust else self.install(peer.package)
        return self.done[key]

    def call(self, what, command, **settings):
        log(f"{what} ...")
        try:
            # Low priority: setting up is nobody's measurement.
            nice = ["nice"] if os.name == "posix" else []
            done = subprocess.run([*nice, *map(str, command)], capture_output=True, text=True, **settings)
        except OSError as why:
            return f"{what}: {why}"
        return f"{what}: {reason_of(done.stderr or done.stdout)}" if done.returncode else None

    def build(self, peer):
        # Peers get all that this CPU has at compile time; ours is built as its users build it, and looks for itself.
        flags = {} if peer.ours else {"RUSTFLAGS": "-C target-cpu=native"}
        environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET / "rust" / peer.program), **flags}
        folder = PEERS / "rust" / peer.program
        return self.call(f"building {peer.program}", ["cargo", "build", "--release"], cwd=folder, env=environment)

    def install(self, package):
        if not self.python.exists():
            failed = self.call("making a Python environment", [sys.executable, "-m", "venv", TARGET / "venv"])
            if failed:
                return failed
        for name in ("numpy", package):
            check = [self.python, "-c", f"import {name}"]
            if subprocess.run(check, capture_output=True).returncode == 0:
                continue
            index = ["--index-url", self.options.torch_index] if name == "torch" and self.options.torch_index else []
            failed = self.call(f"installing {name}", [self.python, "-m", "pip", "install", *index, name])
            if failed:
                return failed
        return None

    def command(self, peer, workload):
        if peer.is_rust:
            start = [TARGET / "rust" / peer.program / "release" / f"peer-{peer.program}"]
        else:
            start = [self.python, PEERS / "python" / peer.program]
        return [str(part) for part in (*start, workload, *([peer.mode] if peer.mode else []))]

    def environment(self):
        threads = str(self.options.threads)
        pools = ("PEER", "OMP_NUM", "MKL_NUM", "OPENBLAS_NUM", "RAYON_NUM", "MATMUL_NUM", "NUM_CPU")
        names = [f"{pool}_THREADS" for pool in pools]
        settings = {**os.environ, **dict.fromkeys(names, threads), "JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": "ignore"}
        if threads == "1":
            settings["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
        if "avx512f" in cpu_flags():
            # OpenBLAS takes AVX2 kernels on CPUs that it does not know.
            settings.setdefault("OPENBLAS_CORETYPE", "SkylakeX")
        settings.setdefault("TORCHINDUCTOR_CACHE_DIR", str(TARGET / "inductor"))
        return settings

    def version(self, peer):
        if not peer.is_rust:
            ask = f"import importlib.metadata as m; print(m.version({peer.package!r}))"
            return subprocess.run([self.python, "-c", ask], capture_output=True, text=True).stdout.strip()
        with open(PEERS / "rust" / peer.program / "Cargo.lock", "rb") as file:
            packages = tomllib.load(file)["package"]
        return next((package["version"] for package in packages if package["name"] == peer.package), "?")


def cpu_flags():
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return []
    return next((line.split() for line in text.splitlines() if line.startswith("flags")), [])
