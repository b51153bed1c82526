"""Measures Flyt on this machine: `python3 benchmarks/run.py all`, or subjects by name; benchmarks/README.md says what.

Starts a PostgreSQL of its own with default durability (or uses DATABASE_URL), makes a fresh database for each subject,
and prints a table of ratios, each between two things measured in the same run, since machines differ and are noisy.
`--json FILE` writes the same as JSON, `--scale 0.1` makes everything a tenth as large.
"""

import argparse
import json
import os
import platform
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUBJECTS = ("advance", "crash", "criteria", "dispatch", "enrol", "idle", "imports", "memory", "page", "pause")


def main() -> int:
    """Run the subjects that were named, all without any."""
    options = _options()
    if not os.environ.get("DATABASE_URL"):
        _start_over_beside_a_database()
    sys.path.insert(0, str(ROOT))
    from benchmarks import stage

    subjects = list(SUBJECTS) if "all" in options.subjects else options.subjects
    results = []
    for subject in subjects:
        with stage.fresh_database():
            results += _measure(subject, options.scale)
    _print_table(results)
    if options.json:
        machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
        Path(options.json).write_text(
            json.dumps({"machine": machine, "scale": options.scale, "results": results}, indent=1)
        )
    return 0 if all(result["met"] for result in results if result["met"] is not None) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subjects", nargs="*", choices=[*SUBJECTS, "all"], default="all")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--json")
    return parser.parse_args()


def _start_over_beside_a_database() -> None:
    os.environ.setdefault("FLYT_VAR", str(ROOT / "var" / "benchmarks"))
    command = [sys.executable, str(ROOT / "dev.py"), "run", "python", str(Path(__file__)), *sys.argv[1:]]
    os.execv(sys.executable, command)


def _measure(subject: str, scale: float) -> list[dict]:
    from importlib import import_module

    print(f"# {subject}", flush=True)
    return import_module(f"benchmarks.{subject}").measure(scale)


def _print_table(results: list[dict]) -> None:
    print("\n| what | measured | budget | met |\n|---|---|---|---|")
    for result in results:
        met = {True: "yes", False: "NO", None: "–"}[result["met"]]
        print(f"| {result['what']} | {result['measured']} | {result['budget']} | {met} |")


if __name__ == "__main__":
    sys.exit(main())
