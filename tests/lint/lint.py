"""lint.py - what the lints share: sources, comments taken out, main.

A lint is a function from a directory to its offences, "file:line: what", and
a tree of files that break every rule of it once. That tree is checked first,
so that a lint which has gone blind does not pass for a clean source.
"""
import os
import pathlib
import re
import sys
import tempfile

ROOMS = ("common", "outer", "inner")

COMMENT_OR_TEXT = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"' r"|'(?:\\.|[^'\\\n])*'", re.S)


def without_comments(text):
    """The text with comments blanked; line numbers stay true."""
    def blank(match):
        found = match.group(0)
        if not found.startswith("/"):
            return found
        return " " + "\n" * found.count("\n")
    return COMMENT_OR_TEXT.sub(blank, text)


def sources(top, rooms=ROOMS):
    """Path within top and text of every C file in the rooms, in order."""
    for room in rooms:
        for path in sorted(pathlib.Path(top, room).rglob("*.[ch]")):
            yield path.relative_to(top).as_posix(), read(path)


def read(path):
    return pathlib.Path(path).read_text(encoding="utf-8")


def self_test(check, tree, expected):
    """tree: path to text. expected: how each offence must begin, in order."""
    with tempfile.TemporaryDirectory() as top:
        for name, text in tree.items():
            path = pathlib.Path(top, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        found = list(check(top))
    blind = [e for e in expected if not any(f.startswith(e) for f in found)]
    wrong = [f for f in found if not any(f.startswith(e) for e in expected)]
    for line in blind:
        print(f"self-test: not found: {line}")
    for line in wrong:
        print(f"self-test: found without reason: {line}")
    return not blind and not wrong


def main(check, tree, expected, only_report=False):
    """Runs the self-test, then check over the directory that is named, else
    the one that make check names, else the working directory."""
    arguments = [a for a in sys.argv[1:] if a != "--self-test"]
    if not self_test(check, tree, expected):
        return 1
    if len(arguments) < len(sys.argv) - 1:
        print(f"self-test: {len(expected)} offences found, as they should be")
        return 0
    top = arguments[0] if arguments else os.environ.get("srcdir", ".")
    if not any(sources(top)):
        print(f"{top}: no sources there")
        return 1
    offences = list(check(top))
    for line in offences:
        print(line)
    return 1 if offences and not only_report else 0
