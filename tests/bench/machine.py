"""machine.py - on what, and with what, is measured."""
import os
import pathlib
import platform
import re
import subprocess

from measure import GIB
from programs import BINARIES


def first_number(*argv):
    """The version in what a program says of itself."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError:
        return "?"
    found = re.search(r"\d+(\.\d+)+(p\d+)?", done.stdout + done.stderr)
    return found.group(0) if found else "?"


def describe(others):
    """The machine, and the versions, of what others names too."""
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", cpuinfo)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    asked = {
        "transponder": (BINARIES / "outer_server", "--version"),
        "haproxy": ("haproxy", "-v"),
        "nginx": ("nginx", "-v"),
        "wrk": ("wrk", "-v"),
        "socat": ("socat", "-V"),
        "ssh": ("ssh", "-V"),
        "stunnel": ("stunnel4", "-version"),
    }
    return {
        "cpu": model.group(1) if model else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / GIB),
        "kernel": platform.release(),
        "versions": {name: first_number(*argv) for name, argv in asked.items()
                     if name not in ("socat", "ssh", "stunnel")
                     or name in others},
    }
