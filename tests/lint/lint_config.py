#!/usr/bin/env python3
"""Code, documents and sample files name the same configuration keys.

Every key of outer/config*.c and inner/config.c has a row in the tables of
README and README.zh and is named in its program's man page; the key tables
and the sample files name no key that does not exist.

lint_config.py [--self-test] [DIRECTORY]
"""
import json
import pathlib
import re
import sys

import lint

READMES = ("README", "README.zh")
PROGRAMS = {
    "outer": (("outer/config.c", "outer/config_services.c"), "doc/outer_server.8", "outer.config.json"),
    "inner": (("inner/config.c",), "doc/inner_server.8", "inner.config.json"),
}

FIELD = re.compile(r'^\t\{ "(\w+)", CONF_', re.M)
FIRST_COLUMN = re.compile(r"^\s*\|([^|]*)\|")
# PortRange's two are those of the HTTP API
KEY = re.compile(r"`([A-Z][A-Za-z0-9]*|from|end)`")

TABLE = ('\t{ "LogFile", CONF_TEXT, 0 },\n'
         '\t{ "%s",\n\t    CONF_ADDR, 0 },\n\t{ "%s", CONF_ADDR, 0 },\n')
TREE = {
    "outer/config.c": '\t{ "LogFile", CONF_TEXT, 0 },\n'
        '\t{ "Queue", CONF_COUNT, 0 },\n\t{ "TLS", CONF_BOOL, 0 },\n',
    "inner/config.c": '\n\t{ "LogFile", CONF_TEXT, 0 },\n'
        '\t{ "Proxy", CONF_ADDR, 0 },\n',
    "README": "| `LogFile` | `Unknown` | text |\n|---|---|---|\n"
        "| `Proxi` | x |\n`Queue`\n| x | `Queue` |\n| `Proxy` |\n"
        "| `FORWARD` | x |\n",
    "README.zh": "| `LogFile`, `Queue`, `TLS` | x |\n",
    "doc/outer_server.8": ".TP\n.B LogFiles\n.TP\n.B Queue\n.B TLS\n",
    "outer.config.json": '{ // "Old": 1,\n "Queue": "//", /*\n*/\n'
        ' "Proxy": 1 }\n',
    "inner.config.json": '{ "Proxy": {"Inside": 1}, }\n',
}
EXPECTED = [
    "outer/config.c:2: Queue: no row of a table in README begins",
    "outer/config.c:3: TLS: no row of a table in README begins",
    "inner/config.c:3: Proxy: no row of a table in README.zh begins",
    "README:3: Proxi: no such key",
    "outer/config.c:1: LogFile: not named in doc/outer_server.8",
    "doc/inner_server.8:1: missing",
    "outer.config.json:4: Proxy: no such key",
    "inner.config.json:1: not JSON",
]


def keys_of(top, paths):
    """Each key of the tables with the file and the line it is on."""
    keys = {}
    for path in paths:
        full = pathlib.Path(top, path)
        text = lint.without_comments(lint.read(full)) if full.is_file() else ""
        for match in FIELD.finditer(text):
            line = text.count("\n", 0, match.start(1)) + 1
            keys.setdefault(match.group(1), f"{path}:{line}")
    return keys


def text_of(top, path):
    """The text of a document, or None where there is none."""
    full = pathlib.Path(top, path)
    return lint.read(full) if full.is_file() else None


def check_readme(top, readme, keys):
    text = text_of(top, readme)
    if text is None:
        yield f"{readme}:1: missing"
        return
    named = set()
    for number, line in enumerate(text.split("\n"), 1):
        column = FIRST_COLUMN.match(line)
        for key in KEY.findall(column.group(1)) if column else []:
            named.add(key)
            if not (key.isupper()       # a frame, a signal
                    or any(key in table for table in keys.values())):
                yield f"{readme}:{number}: {key}: no such key"
    for program, table in keys.items():
        for key, place in table.items():
            if key not in named:
                yield (f"{place}: {key}: no row of a table in {readme} "
                       "begins with it, in backticks")


def check_man(top, page, table):
    text = text_of(top, page)
    if text is None:
        yield f"{page}:1: missing"
        return
    for key, place in table.items():
        if not re.search(rf"\b{key}\b", text):
            yield f"{place}: {key}: not named in {page}"


def check_sample(top, sample, table):
    text = text_of(top, sample)
    if text is None:
        yield f"{sample}:1: missing"
        return
    text = lint.without_comments(text)
    try:
        keys = json.loads(text)
    except json.JSONDecodeError as error:
        yield f"{sample}:{error.lineno}: not JSON: {error.msg}"
        return
    for key in keys:
        if key not in table:
            line = text[:text.index(f'"{key}"')].count("\n") + 1
            yield f"{sample}:{line}: {key}: no such key"


def check(top):
    keys = {}
    for program, (code, page, sample) in PROGRAMS.items():
        keys[program] = keys_of(top, code)
        if not keys[program]:
            yield f"{code[0]}:1: no table of keys found"
        yield from check_man(top, page, keys[program])
        yield from check_sample(top, sample, keys[program])
    for readme in READMES:
        yield from check_readme(top, readme, keys)


if __name__ == "__main__":
    sys.exit(lint.main(check, TREE, EXPECTED))
