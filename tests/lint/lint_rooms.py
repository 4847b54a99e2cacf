#!/usr/bin/env python3
"""Some words belong to some files: whoever else says one leaks a detail that
a room is there to hide. Comments may say what they like.

lint_rooms.py [--self-test] [DIRECTORY]
"""
import fnmatch
import re
import sys

import lint

# A word, as a pattern; the only files that may say it; an example of it.
RULES = [
    (r"sqlite3", ["common/ops/store_sqlite*"], "sqlite3_open();"),
    (r"<openssl/", ["common/net/tls*", "common/wire/proof*"],
     "#include <openssl/ssl.h>"),
    (r"\bevhttp", ["common/ops/httpd*"], "struct evhttp *http;"),
    (r"<jwt\.h>", ["common/ops/httpd_jwt*"], "#include <jwt.h>"),
    (r"\bjansson\b", ["common/base/json_safe*", "common/conf/*", "common/wire/*",
      "outer/api*"],
     "#include <jansson.h>"),
    (r"\bpthread", ["common/sys/thread_posix*"], "pthread_t thread;"),
    (r"\bsplice\s*\(", ["common/sys/splice_linux*"],
     "n = splice (a, NULL, b, NULL, 1, 0);"),
    (r"\b(?:_WIN32|_WIN64|__linux__|__APPLE__)\b", ["common/sys/*"],
     "#ifdef _WIN32"),
    # What Windows lacks, and what only Windows has.
    (r"<(?:sys/(?:socket|un|uio|wait|resource)|netdb|netinet/\w+|arpa/inet"
     r"|fcntl|poll|pwd|grp|signal|windows|win\w+2?|ws2\w+|io|process)\.h>",
     ["common/sys/*"], "#include <netinet/in.h>"),
    # Bytes wait in libevent's buffers, and frames are read from there; all
    # else of libevent is net's.
    (r"<event2/buffer\.h>",
     ["common/net/*", "common/relay/*", "common/ops/httpd*", "outer/*",
      "inner/*"],
     "#include <event2/buffer.h>"),
    (r"<event2/http", ["common/ops/httpd*"], "#include <event2/http.h>"),
    (r"<(?:event2/(?!buffer\.h|http)\w+|ev[a-z]*)\.h>", ["common/net/*"],
     "#include <event2/bufferevent.h>"),
]

TREE = {f"common/base/rule{i}.c": f"/* {rule[2]} */\n\n{rule[2]}\n"
        for i, rule in enumerate(RULES)}
TREE.update({rule[1][0].replace("*", "_good.c"): "" for rule in RULES})
for _rule in RULES:
    for _glob in _rule[1]:
        _name = _glob.replace("*", "_good.c")
        TREE[_name] = TREE.get(_name, "") + _rule[2] + "\n"
EXPECTED = [f"common/base/rule{i}.c:3: " for i in range(len(RULES))]


def check(top):
    for path, text in lint.sources(top):
        lines = lint.without_comments(text).split("\n")
        for word, files, _ in RULES:
            if any(fnmatch.fnmatch(path, glob) for glob in files):
                continue
            for number, line in enumerate(lines, 1):
                found = re.search(word, line)
                if found:
                    yield (f"{path}:{number}: {found.group(0)} is only for "
                           + ", ".join(files))


if __name__ == "__main__":
    sys.exit(lint.main(check, TREE, EXPECTED))
