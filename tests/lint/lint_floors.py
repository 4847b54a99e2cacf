#!/usr/bin/env python3
"""An include points down, never up, never sideways: doc/ARCHITECTURE.

lint_floors.py [--self-test] [DIRECTORY]
"""
import re
import sys

import lint

FLOORS = {
    "outer": 4, "inner": 4,
    "relay": 3, "ops": 3,
    "net": 2,
    "wire": 1, "conf": 1, "sys": 1,
    "base": 0,
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]*)"', re.M)

TREE = {
    "common/base/up.c": '#include "base/str.h"\n#include "sys/sys.h"\n',
    "common/conf/sideways.h": '/*\n#include "net/x.h"\n*/\n'
        '  #  include "wire/frame.h"\n#include "base/log.h"\n',
    "common/odd/room.c": "int nothing;\n",
    "common/net/loop.c": '#include "loop.h"\n#include <stdio.h>\n'
        '// #include "outer/pool.h"\n#include "common/base/str.h"\n'
        '#include "net/../base/str.h"\n',
    "inner/spare.c": '#include "inner/spare.h"\n#include "relay/pump.h"\n'
        '#include "outer/pool.h"\n#include "tests/unit/suites.h"\n',
}
EXPECTED = [
    "common/base/up.c:2: sys/sys.h is above",
    "common/conf/sideways.h:4: wire/frame.h is beside",
    "common/odd/room.c:1: a room without a floor",
    "common/net/loop.c:1: loop.h names no room",
    "common/net/loop.c:4: common/base/str.h names no room",
    "common/net/loop.c:5: net/../base/str.h leaves",
    "inner/spare.c:3: outer/pool.h is beside",
    "inner/spare.c:4: tests/unit/suites.h names no room",
]


def judge(room, target):
    """What is wrong with an include of target in a file of room, or None."""
    other = target.split("/")[0]
    if ".." in target.split("/"):
        return f"{target} leaves its room by .."
    if other not in FLOORS or "/" not in target:
        return f"{target} names no room"
    if other == room or FLOORS[other] < FLOORS[room]:
        return None
    where = "above" if FLOORS[other] > FLOORS[room] else "beside"
    return f"{target} is {where} {room}"


def check(top):
    for path, text in lint.sources(top):
        parts = path.split("/")
        room = parts[1] if parts[0] == "common" else parts[0]
        if room not in FLOORS:
            yield f"{path}:1: a room without a floor"
            continue
        text = lint.without_comments(text)
        for match in INCLUDE.finditer(text):
            wrong = judge(room, match.group(1))
            if wrong:
                line = text.count("\n", 0, match.start(1)) + 1
                yield f"{path}:{line}: {wrong}"


if __name__ == "__main__":
    sys.exit(lint.main(check, TREE, EXPECTED))
