#!/usr/bin/env python3
"""Every C file is laid out as .clang-format has it; ./dev format does that.

Needs the clang-format of Debian 12, for others lay some things out otherwise;
without it the lint is skipped, by exit code 77.
"""
import pathlib
import re
import subprocess
import sys

import lint

VERSION = 14
STYLE = pathlib.Path(__file__).parents[2] / ".clang-format"


def clang_format(*words):
    return subprocess.run(["clang-format", *words], capture_output=True,
                          text=True)


def usable():
    try:
        return f"version {VERSION}." in clang_format("--version").stdout
    except OSError:
        return False


def check(top):
    files = [str(pathlib.Path(top, name)) for name, _ in
             lint.sources(top, (*lint.ROOMS, "tests"))]
    said = clang_format("--dry-run", f"--style=file:{STYLE}", *files).stderr
    for name, line in re.findall(r"^(.+?):(\d+):\d+: warning:", said, re.M):
        where = pathlib.Path(name).relative_to(top).as_posix()
        yield f"{where}:{line}: not laid out as .clang-format has it"


TREE = {
    "common/right.c": "int\nmain(void)\n{\n\treturn 0;\n}\n",
    "tests/wrong.c": "int\nmain(void)\n{\n  return 0;\n}\n",
}

if __name__ == "__main__":
    if not usable():
        print(f"skipped: no clang-format {VERSION} here")
        sys.exit(77)
    sys.exit(lint.main(check, TREE, ["tests/wrong.c:3:"]))
