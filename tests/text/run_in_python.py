"""Runs programs of the corpus in Python, and prints every variable that is there at the end, as JSON.

    run_in_python.py PRELUDE_FOLDER FILE...            one object for all files, by folder and name
    run_in_python.py --write PRELUDE_FOLDER FILE...    the same into expected.json beside this script

A file holds programs, separated by lines `# ---`; for each there is an object: its variables by name, or where it fails the
exception and the lines of the program that were running. An array or number is its kind (f, i or b), shape and elements; not-a-number
and the infinities are texts. A list is {"list": [..]}, a tuple {"tuple": [..]}, None null, and what else there is {"other": its type}.
Functions, modules and ranges are left out. The programs of the folder `outside` are not run: Python might do what they say.
"""

import contextlib
import io
import json
import os
import sys
import traceback
import types
import warnings

arguments = sys.argv[1:]
write = arguments[0] == "--write"
arguments = arguments[write:]
sys.path.insert(0, arguments[0])

import numpy as np

PRELUDE = {}
exec("from retrograd_prelude import *\nimport numpy as np", PRELUDE)
KINDS = {"f": "f", "i": "i", "u": "i", "b": "b"}


def element(x):
    if isinstance(x, float) and (x != x or x in (float("inf"), float("-inf"))):
        return {"nan": "NaN", "inf": "inf", "-inf": "-inf"}[repr(x)]
    return x


def value(x):
    if x is None:
        return None
    if isinstance(x, str):
        return {"text": x}
    if isinstance(x, list):
        return {"list": [value(one) for one in x]}
    if isinstance(x, tuple):
        return {"tuple": [value(one) for one in x]}
    if isinstance(x, int) and not isinstance(x, bool):
        return {"kind": "i", "shape": [], "data": [x]}
    if isinstance(x, (bool, float, np.generic, np.ndarray)) and np.asarray(x).dtype.kind in KINDS:
        array = np.asarray(x)
        data = [element(x) for x in array.ravel().tolist()]
        return {"kind": KINDS[array.dtype.kind], "shape": list(array.shape), "data": data}
    return {"other": type(x).__name__}


def is_shown(name, x):
    if name.startswith("_") or isinstance(x, (types.ModuleType, range)):
        return False
    return not (callable(x) and not isinstance(x, np.generic))


def run(program):
    names = dict(PRELUDE)
    before = dict(names)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            exec(compile(program, "<program>", "exec"), names)
    except SyntaxError as error:
        return {"exception": "SyntaxError", "lines": [error.lineno]}
    except Exception as error:
        frames = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<program>"]
        return {"exception": type(error).__name__, "lines": sorted(set(frames))}
    new = {name: x for name, x in names.items() if name not in before or x is not before[name]}
    return {name: value(x) for name, x in new.items() if is_shown(name, x)}


results = {}
for path in arguments[1:]:
    with open(path) as file:
        results["/".join(os.path.abspath(path).split("/")[-2:])] = [run(program) for program in file.read().split("\n# ---\n")]
if write:
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "expected.json"), "w") as file:
        rows = [json.dumps(name) + ": [\n" + ",\n".join(map(json.dumps, programs)) + "\n]" for name, programs in results.items()]
        file.write("{" + ",\n".join(rows) + "}\n")
else:
    print(json.dumps(results))
