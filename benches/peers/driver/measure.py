"""One workload through all peers, in rounds: each peer keeps its process, all but the one that is timed are stopped."""

import json
import os
import signal
import subprocess
import tempfile
import threading

from prepare import log, reason_of

TOLERANCE = 1e-5
"""Relative difference of what is checked (the loss after five steps, or value and gradient) that f32 explains."""

PATIENCE = 600
"""Seconds for one answer, compilation included; torch's max-autotune takes minutes."""

LOOSER = {"chain": (2e-4, TOLERANCE)}
"""Sums of a million f32 one after the other, as some peers form them, are off by 1e-4; the gradient is not."""


class Failed(Exception):
    pass


class Worker:
    def __init__(self, peer, workload, prepared):
        self.peer, self.rounds = peer, []
        pin = None
        if prepared.cpus and hasattr(os, "sched_setaffinity"):
            pin = lambda: os.sched_setaffinity(0, prepared.cpus)  # noqa: E731
        self.errors = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen(
            prepared.command(peer, workload),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=prepared.environment(),
            preexec_fn=pin,
        )
        self.check = None

    def answer(self):
        timer = threading.Timer(PATIENCE, self.process.kill)
        timer.start()
        # Lines that a library prints for itself are passed over.
        line = next((line for line in self.process.stdout if line.startswith("{")), None)
        late = not timer.is_alive()
        timer.cancel()
        if line is None:
            self.process.wait()
            self.errors.seek(0)
            raise Failed(f"no answer in {PATIENCE} s" if late else reason_of(self.errors.read()))
        answer = json.loads(line)
        if "unsupported" in answer:
            raise Failed(answer["unsupported"])
        return answer

    def start(self):
        self.check = self.answer()["check"]
        self.pause()

    def measure(self, seconds):
        self.send(signal.SIGCONT)
        try:
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # The answer says why it ended.
        self.rounds.append(self.answer())
        self.pause()

    def pause(self):
        # Thread pools that spin for a while would take the next peer's time.
        self.send(signal.SIGSTOP)

    def send(self, what):
        if self.process.poll() is None:
            self.process.send_signal(what)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()

    def result(self):
        medians = sorted(line["median"] for line in self.rounds)
        return {
            "check": self.check,
            "min_us": min(line["min"] for line in self.rounds),
            "median_us": medians[len(medians) // 2],
            "steps": sum(line["steps"] for line in self.rounds),
            "rounds": self.rounds,
        }


def workload(name, peers, prepared, options):
    """One row: results and reasons by peer, and why the row is void, if it is."""
    row = {"workload": name, "results": {}, "missing": {}, "void": None}
    workers = []
    try:
        for peer in peers:
            if name not in peer.workloads:
                continue
            log(f"{name}: starting {peer.name}")
            worker = Worker(peer, name, prepared)
            workers.append(worker)
            attempt(row, workers, worker, worker.start)
        for i in range(options.repeat):
            for worker in list(workers):
                log(f"{name}: round {i + 1} of {options.repeat}, {worker.peer.name}")
                attempt(row, workers, worker, lambda: worker.measure(options.seconds))  # noqa: B023
        row["results"] = {worker.peer.name: worker.result() for worker in workers}
    finally:
        for worker in workers:
            worker.end()
    row["void"] = disagreement(row["results"], LOOSER.get(name))
    return row


def attempt(row, workers, worker, what):
    try:
        what()
    except Failed as why:
        row["missing"][worker.peer.name] = str(why)
        workers.remove(worker)
        worker.end()


def disagreement(results, tolerances=None):
    """Which peers do not find what most find; none: None."""
    checks = {name: result["check"] for name, result in results.items()}
    if not checks:
        return None

    def agree(a, b):
        limits = tolerances or [TOLERANCE] * len(a)
        close = (abs(x - y) <= limit * max(abs(x), abs(y)) for x, y, limit in zip(a, b, limits))
        return len(a) == len(b) and all(close)

    def friends(name):
        return [other for other in checks if agree(checks[name], checks[other])]

    most = max((friends(name) for name in checks), key=len)
    odd = {name: check for name, check in checks.items() if name not in most}
    return odd and f"{odd} against {checks[most[0]]} of the others" or None
