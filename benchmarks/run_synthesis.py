"""How fast is the synthesis, beside R metafor, statsmodels and PyMARE, and do they agree?

    python benchmarks/run_synthesis.py                                  all peers that are installed, 5 rounds
    python benchmarks/run_synthesis.py --pymare-python venv/bin/python  PyMARE in an environment of its own

Peers take turns within each round, so that a busy moment of the machine falls on all of them. Each peer times its own fits, without start-up and
import. The table shows the median over rounds and the ratio of it to ours; results/synthesis.json keeps every round. A peer which is not
there is skipped with a message.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from cordbook.review.appraisal.benchmarks import QUESTIONS
from cordbook.synthesis.measures import proportion_effects

HERE = Path(__file__).resolve().parent
SEED = 60
STUDIES = 60
BOOTSTRAPS = 10_000


def make_data() -> dict[str, object]:
    """60 single-arm studies of 5 to 60 participants, their parametric bootstrap effects, 60 two-arm studies, and 18 real trials."""
    rng = np.random.default_rng(SEED)
    n = rng.integers(5, 61, STUDIES)
    events = rng.binomial(n, 1 / (1 + np.exp(1.5 - 0.7 * rng.standard_normal(STUDIES))))
    n1, n2 = rng.integers(10, 101, (2, STUDIES))
    control = rng.normal(-2.0, 0.6, STUDIES)
    treated = control - 0.4 + 0.4 * rng.standard_normal(STUDIES)
    events1, events2 = rng.binomial(n1, 1 / (1 + np.exp(-treated))), rng.binomial(n2, 1 / (1 + np.exp(-control)))
    sizes = proportion_effects(events, n)
    bootstrap = -1.5 + np.sqrt(sizes.vi + 0.5) * rng.standard_normal((BOOTSTRAPS, STUDIES))
    names = {"events": events, "n": n, "events1": events1, "n1": n1, "events2": events2, "n2": n2, "yi": sizes.yi, "vi": sizes.vi}
    stored = json.loads((HERE.parent / "tests" / "reference" / "two_arm_glmm.json").read_text(encoding="utf-8"))
    trials = stored["sets"]["nielweise2007"]
    return {name: values.tolist() for name, values in names.items()} | {"bootstrap": bootstrap.tolist(), "trials": trials}


def find_peers(pymare_python: str | None) -> dict[str, list[str]]:
    """Commands of the peers that are there; says which are not."""
    peers = {"ours": [sys.executable, str(HERE / "bench_cordbook.py")]}
    rscript = shutil.which("Rscript")
    if rscript and _works([rscript, "-e", "library(metafor); library(jsonlite)"]):
        peers["metafor"] = [rscript, str(HERE / "peer.R")]
    else:
        print("metafor skipped: install R with its packages metafor, lme4, BiasedUrn, numDeriv and jsonlite", file=sys.stderr)
    python = pymare_python or (sys.executable if importlib.util.find_spec("pymare") else None)
    if python and _works([python, "-c", "import pymare"]):
        peers["pymare"] = [python, str(HERE / "peer_pymare.py")]
    else:
        print("PyMARE skipped: install the extra 'bench', or name its Python with --pymare-python", file=sys.stderr)
    return peers


def run_rounds(peers: dict[str, list[str]], rounds: int, data_file: Path) -> tuple[dict, dict]:
    """Seconds (peer, question) -> one value per round, and versions; every round begins with another peer."""
    seconds: dict[str, dict[str, list[float]]] = {}
    values: dict[str, dict[str, float]] = {}
    versions: dict[str, str] = {}
    names = list(peers)
    for number in range(rounds):
        order = names[number % len(names) :] + names[: number % len(names)]
        for name in order:
            print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
            found = _ask(peers[name], data_file)
            for peer, answer in found.items() if name == "ours" else [(name, found)]:
                versions[peer] = answer["version"]
                for question, result in answer["results"].items():
                    if result["seconds"] is None:
                        continue
                    seconds.setdefault(peer, {}).setdefault(question, []).append(result["seconds"])
                    values.setdefault(peer, {})[question] = result["value"]
    return {"seconds": seconds, "values": values}, versions


def report(found: dict, versions: dict[str, str]) -> str:
    """The table of medians, ratios and agreement."""
    medians = {peer: {q: statistics.median(s) for q, s in answers.items()} for peer, answers in found["seconds"].items()}
    ours = medians["cordbook"]
    peers = [peer for peer in ("metafor", "statsmodels", "pymare") if peer in medians]
    lines = [
        "question".ljust(54)
        + "cordbook".rjust(12)
        + "".join(versions[p].rjust(28) for p in peers)
        + "  agreement with metafor   target"
    ]
    for question, (text, most, times) in QUESTIONS.items():
        if question not in ours:
            continue
        line = text.ljust(54) + _time(ours[question]).rjust(12)
        for peer in peers:
            other = medians[peer].get(question)
            line += (f"{_time(other)} ({_ratio(other / ours[question])})" if other else "-").rjust(28)
        line += _agreement(found["values"], question).rjust(24) + "   " + _verdict(ours, medians, question, most, times)
        lines.append(line)
    lines += ["", "time a study as studies grow (cordbook alone)"]
    for kind in ("glmm", "reml_hksj"):
        scales = sorted((int(q.rpartition("_k")[2]), t) for q, t in ours.items() if q.startswith(f"{kind}_k"))
        shown = ", ".join(f"k = {k:,}: {_time(t)} ({1e6 * t / k:.2f} us a study)" for k, t in scales)
        lines.append(f"  {kind}: {shown}")
    return "\n".join(lines)


def _verdict(ours, medians, question, most, times) -> str:
    if most is not None:
        return f"under {_time(most)}: {'met' if ours[question] < most else 'MISSED'}"
    other = medians.get("metafor", {}).get(question)
    if times is None or other is None:
        return ""
    return f"{times}x: {'met' if other / ours[question] >= times else 'MISSED'}"


def _agreement(values, question) -> str:
    theirs = values.get("metafor", {}).get(question)
    if theirs is None:
        return "-"
    return f"{abs(values['cordbook'][question] / theirs - 1):.0e}"


def _ratio(value: float) -> str:
    return f"{value:,.0f}x" if value >= 10 else f"{value:.2g}x"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def _works(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _ask(command: list[str], data_file: Path) -> dict:
    done = subprocess.run([*command, str(data_file), ",".join(QUESTIONS)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pymare-python", help="the Python of an environment that holds PyMARE")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "synthesis.json")
    args = parser.parse_args(arguments)
    peers = find_peers(args.pymare_python)
    with tempfile.TemporaryDirectory() as folder:
        data_file = Path(folder) / "data.json"
        data_file.write_text(json.dumps(make_data()), encoding="utf-8")
        found, versions = run_rounds(peers, args.rounds, data_file)
    text = report(found, versions)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    machine = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "cpus": os.cpu_count(),
        "architecture": platform.machine(),
    }
    args.output.write_text(json.dumps({"machine": machine, "versions": versions, **found}, indent=1) + "\n", encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
