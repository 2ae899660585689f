"""The table: on standard output, as Markdown and as JSON."""

import datetime
import json
import os
import platform
import shlex
import sys
from pathlib import Path

from peers import SCALARS
from prepare import TARGET, log


def machine():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}"


def number(x):
    """Three digits, thousands with commas."""
    if x >= 99.95:
        return f"{x:,.0f}"
    return f"{x:.3g}" if x < 1 else f"{x:.{2 if x < 9.995 else 1}f}"


def ratios(row, peers):
    """Our best to the step by hand, and to the best other peer with its name."""
    least = {peer: row["results"][peer.name]["min_us"] for peer in peers if peer.name in row["results"]}
    ours = min((t for peer, t in least.items() if peer.ours), default=None)
    hand = min((t for peer, t in least.items() if peer.by_hand), default=None)
    others = [(t, peer.name) for peer, t in least.items() if not (peer.ours or peer.by_hand)]
    best = min(others, default=None)
    return {
        "ours_to_hand": ours / hand if ours and hand else None,
        "ours_to_best_peer": ours / best[0] if ours and best else None,
        "best_peer": best and best[1],
    }


def cells(row, names):
    found = row["ratios"]

    def cell(name):
        result = row["results"].get(name)
        return f"{number(result['min_us'])} / {number(result['median_us'])}" if result else ""

    def ratio(key, name=""):
        return f"{found[key]:.2f}{name}" if found[key] else ""

    title = row["workload"] + (" **void**" if row["void"] else "")
    last = ratio("ours_to_hand"), ratio("ours_to_best_peer", f" ({found['best_peer']})")
    return [title, *map(cell, names), *last]


def table(rows, peers):
    # A name may stand for several programs, each with its own workloads.
    shown = list(dict.fromkeys(peer.name for peer in peers if any(peer.name in row["results"] for row in rows)))
    head = ["least / median, µs a step", *shown, "ours / hand", "ours / best peer"]
    lines = [head, *(cells(row, shown) for row in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]

    def text(line):
        return "| " + " | ".join(part.ljust(width) for part, width in zip(line, widths)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([text(lines[0]), rule, *map(text, lines[1:])])


def notes(rows, left_out, about):
    yield f"{about['machine']}; {about['date']}; threads: {about['threads']}."
    yield f"Command: `{about['command']}`."
    yield "Versions: " + ", ".join(f"{name} {version}" for name, version in about["versions"].items()) + "."
    per_op = [f"{row['workload']} {SCALARS[row['workload']]:,}" for row in rows if row["workload"] in SCALARS]
    if per_op:
        yield "Elementary operations a step: " + ", ".join(per_op) + "."
    for name, reason in left_out.items():
        yield f"Not measured: {name}: {reason}."
    for row in rows:
        for name, reason in row["missing"].items():
            yield f"Not measured: {name} on {row['workload']}: {reason}."
        if row["void"]:
            yield f"Void: {row['workload']}: {row['void']}."


def write(rows, peers, left_out, prepared, options):
    for row in rows:
        row["ratios"] = ratios(row, peers)
    about = {
        "machine": machine(),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "threads": options.threads,
        "command": shlex.join(["benches/peers/run", *sys.argv[1:]]),
        "versions": {peer.package: prepared.version(peer) for peer in peers if not peer.package.startswith("peer-")},
    }
    text = table(rows, peers) + "\n\n" + "\n".join(f"- {note}" for note in notes(rows, left_out, about)) + "\n"
    print(text)
    out = options.out or TARGET / "results"
    out.mkdir(parents=True, exist_ok=True)
    name = f"peers-{options.threads}-thread{'s' if options.threads > 1 else ''}"
    (out / f"{name}.md").write_text(text)
    (out / f"{name}.json").write_text(json.dumps({**about, "not_measured": left_out, "rows": rows}, indent=1) + "\n")
    log(f"written: {out / name}.md and .json")
    if any(row["void"] for row in rows):
        sys.exit("run: rows are void: peers disagree on what they computed")
