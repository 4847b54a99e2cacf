#!/usr/bin/env python3
"""Reports files over 600 lines and functions over 70. It only reports: a bad
split is worse than a long function.

lint_size.py [--self-test] [DIRECTORY]
"""
import re
import sys

import lint

FILE_LINES = 600
FUNCTION_LINES = 70

NAME = re.compile(r"(\w+)\s*\(")

TREE = {
    "outer/long.c": "\n" * (FILE_LINES + 1),
    "outer/fits.c": "int\nf(int a)\n{\n" + "\n" * (FUNCTION_LINES - 2)
        + "}\n\nstatic const int t[] = {\n" + "\n" * 80 + "};\n",
    "inner/deep.c": "int\ng(int a,\n    int b)\n{\n"
        + "\n" * (FUNCTION_LINES - 1) + "}\n",
    "tests/unit/test_x.c": "\nSTART_TEST(row)\n{\n"
        + "\n" * FUNCTION_LINES + "}\nEND_TEST\n",
}
EXPECTED = [
    "outer/long.c:1: a file of 601 lines",
    "inner/deep.c:4: g is 71 lines",
    "tests/unit/test_x.c:3: START_TEST is 72 lines",
]


def name_above(lines, start):
    """The function whose body opens at lines[start]."""
    for line in reversed(lines[max(0, start - 6):start]):
        found = NAME.match(line)
        if found:
            return found.group(1)
    return "?"


def check(top):
    for path, text in lint.sources(top, lint.ROOMS + ("tests",)):
        lines = text.split("\n")
        if text.count("\n") > FILE_LINES:
            yield f"{path}:1: a file of {text.count(chr(10))} lines"
        start = None
        for number, line in enumerate(lines):
            if line == "{":
                start = number
            elif line == "}" and start is not None:
                length = number - start + 1
                if length > FUNCTION_LINES:
                    yield (f"{path}:{start + 1}: {name_above(lines, start)} "
                           f"is {length} lines")
                start = None


if __name__ == "__main__":
    sys.exit(lint.main(check, TREE, EXPECTED, only_report=True))
