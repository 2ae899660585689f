#!/usr/bin/env python3
"""Runs GradBench's own evals against the example, as its runner does.

  cargo build --release --example gradbench
  examples/gradbench/suite.py CHECKOUT [EVAL ...] [--tool COMMAND] [--python PYTHON] [-- ARGUMENTS OF THE EVAL]

CHECKOUT is one of github.com/gradbench/gradbench, with what its evals need: for PYTHON, the packages numpy, scipy, pydantic and
dataclasses-json; json.hpp in cpp/ (make -C cpp, or Debian's nlohmann-json3-dev) and a C++ compiler, since the expected values
come from its own tool `manual`, which is built here where it is missing. Without names all twelve evals run; `lstm` needs a text
that a checkout may lack. Needs the standard library only.

Prints for each eval whether all answers are valid, and the sums of the mean times of values and derivatives, in seconds:
GradBench's score is one over both. Of `particle` and `saddle` it counts the fastest function only, whose time is printed. Exits
with 0 where all are valid.
"""
import argparse
import json
import os
import pathlib
import shlex
import subprocess
import sys

EVALS = ["hello", "ba", "det", "gmm", "ht", "kmeans", "llsq", "lse", "lstm", "ode", "particle", "saddle"]
NEED_MANUAL = {"ba", "det", "gmm", "ht", "kmeans", "llsq", "lse", "lstm", "ode"}
FASTEST_COUNTS = {"particle", "saddle"}
VALUES = {"square", "primal", "objective", "cost"}


def run(checkout, name, tool_command, python, arguments):
    """Forwards lines between an eval and the tool; what was wrong, or None, and the mean times by function and description."""
    if name in NEED_MANUAL and not (checkout / "tools/manual/bin" / name).exists():
        try:
            subprocess.run(["make", "-C", "tools/manual", f"bin/{name}"], cwd=checkout, check=True, stdout=sys.stderr)
        except (OSError, subprocess.CalledProcessError) as error:
            return f"tools/manual/bin/{name} was not built: {error}", {}
    environment = {**os.environ, "PYTHONPATH": str(checkout / "python/gradbench")}
    script = checkout / "python/gradbench/gradbench/evals" / name / "run.py"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    means, wrong = {}, None
    with subprocess.Popen([python, str(script), *arguments], cwd=checkout, env=environment, **pipes) as judge, \
            subprocess.Popen(tool_command, **pipes) as tool:
        for line in judge.stdout:
            message = json.loads(line)
            tool.stdin.write(line)
            tool.stdin.flush()
            answer = tool.stdout.readline()
            if not answer:
                wrong = wrong or f"the tool ended at message {message['id']}"
                break
            found = json.loads(answer)
            if message["kind"] == "evaluate":
                if not found.get("success"):
                    wrong = wrong or f"{message['function']} {message.get('description', '')}: {found.get('error')}"
                else:
                    runs = [t["nanoseconds"] for t in found["timings"] if t["name"] == "evaluate"]
                    means[message["function"], message.get("description", "")] = sum(runs) / len(runs) * 1e-9
            if message["kind"] == "define" and not found.get("success"):
                wrong = wrong or str(found.get("error"))
            if message["kind"] == "analysis" and not message["valid"]:
                wrong = wrong or f"message {message['of']}: {message.get('error')}"
            judge.stdin.write(answer)
            judge.stdin.flush()
        for child in (judge, tool):
            try:
                child.stdin.close()
            except BrokenPipeError:
                pass
        status = judge.wait()
        if status != 0:
            wrong = wrong or f"the eval ended with status {status}"
        if tool.wait() != 0:
            wrong = wrong or f"the tool ended with status {tool.returncode}"
    if not means:
        wrong = wrong or "nothing was evaluated"
    return wrong, means


def main():
    own, _, arguments = " ".join(map(shlex.quote, sys.argv[1:])).partition(" -- ")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=pathlib.Path)
    parser.add_argument("evals", nargs="*", metavar="EVAL")
    repository = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--tool", default=str(repository / "target/release/examples/gradbench"))
    parser.add_argument("--python", default=sys.executable, help="runs the evals")
    given = parser.parse_args(shlex.split(own))
    unknown = [name for name in given.evals if name not in EVALS]
    if unknown:
        parser.error(f"there is no eval {unknown[0]!r}; there are {', '.join(EVALS)}")
    all_valid = True
    for name in given.evals or EVALS:
        wrong, means = run(given.checkout.resolve(), name, shlex.split(given.tool), given.python, shlex.split(arguments))
        if name in FASTEST_COUNTS:
            # Of each function, over all descriptions.
            sums = {}
            for (function, _), mean in means.items():
                sums[function] = sums.get(function, 0.0) + mean
            fastest = min(sums, key=sums.get, default=None)
            times = f"fastest {sums[fastest]:.6f} s ({fastest})" if sums else "no times"
        else:
            values = sum(mean for (function, _), mean in means.items() if function in VALUES)
            derivatives = sum(means.values()) - values
            times = f"values {values:.6f} s, derivatives {derivatives:.6f} s"
        print(f"{name:9} {'INVALID' if wrong else 'valid':7} {times}", flush=True)
        if wrong:
            print(f"          {wrong[:500]}")
            all_valid = False
    sys.exit(0 if all_valid else 1)


if __name__ == "__main__":
    main()
