"""Mappings of the API are kept: over restarts, crashes and bad disks."""
from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import sqlite3
import statistics
import threading
import time

import pytest

from admin import API, Api, admin, lasting, public, refused
from harness import SCALE, run_once, wait_until
from sockets import connect, free_port, free_ports, listen


def test_one_that_cannot_be_restored_is_tried_again(lab):
    """Its port is taken: the others do not wait for it."""
    first = free_ports(3)
    file = lab.outer_file(AdminAddress=API)
    outer = lab.start_outer(file).wait_ready()
    api = Api(outer)
    for nth in range(3):
        api.create(first + nth)
    outer.kill()
    other = lab.add(listen(("127.0.0.1", first + 1)))
    outer = lab.start_outer(file).wait_ready()
    line = outer.wait_log("mapping", "cannot be restored", level="warn")
    assert line["port"] == first + 1 and "in use" in line["why"]
    api = Api(outer)
    assert {port: one["active"] for port, one in api.mappings().items()} == \
        {first: True, first + 1: False, first + 2: True}
    assert "in use" in api.mappings()[first + 1]["problem"]
    assert not refused(first) and not refused(first + 2)
    other.close()
    outer.wait_log("mapping", "restored", service=f"port-{first + 1}")
    assert api.mappings()[first + 1]["active"] is True
    assert len(outer.grep("mapping", "cannot be restored")) == 1


def test_one_that_cannot_listen_can_be_removed(lab):
    file = lab.outer_file(AdminAddress=API)
    outer = lab.start_outer(file).wait_ready()
    port = free_port()
    Api(outer).create(port)
    outer.kill()
    lab.add(listen(("127.0.0.1", port)))
    outer = lab.start_outer(file).wait_ready()
    api = Api(outer)
    assert api.mappings()[port]["active"] is False
    api.remove(port)
    assert api.mappings() == {}


@pytest.mark.parametrize("named, found", [
    (None, "etc/data/mappings.db"), ("kept.db", "etc/kept.db"),
    ("/kept.db", "/kept.db")])
def test_the_database_is_beside_the_file(lab, named, found):
    """However the file was named."""
    (lab.dir / "etc").mkdir()
    file = lab.outer_file(AdminAddress=API, Database=named)
    file.rename(lab.dir / "etc/outer.json")
    said = run_once("outer_server", "--check", "-c", "etc/outer.json",
                    cwd=lab.dir).stdout
    assert f"\nDatabase = {found}\n" in said, said


def test_what_is_kept_of_a_mapping(lab):
    """Its limits too, and where it listens."""
    file = lab.outer_file(AdminAddress=API)
    outer = lab.start_outer(file).wait_ready()
    port = free_port()
    made = Api(outer).create(
        port, name="full", inner="home", target_ip="db.example.org",
        target_port=5432, listen_ip="127.0.0.1", max_sessions=7,
        allow_from=["127.0.0.2", "2001:db8::/32"], deny_from=["10.0.0.0/8"])
    outer.kill()
    outer = lab.start_outer(file).wait_ready()
    again = Api(outer).mappings()[port]
    assert lasting(again) == lasting(made)
    assert again["allow_from"] == ["127.0.0.2", "2001:db8::/32"]
    assert (again["max_sessions"], again["listen_ip"]) == (7, "127.0.0.1")
    with pytest.raises(ConnectionResetError):
        with connect(public(port), source="127.0.0.3") as sock:
            sock.recv(1)


def test_mappings_are_there_without_the_api(lab):
    """A database that is there is used, though nobody can change it."""
    file = lab.outer_file(AdminAddress=API)
    outer = lab.start_outer(file).wait_ready()
    port = free_port()
    Api(outer).create(port)
    outer.kill()
    settings = json.loads(file.read_text())
    del settings["AdminAddress"]
    file.write_text(json.dumps(settings))
    lab.start_outer(file).wait_ready()
    assert not refused(port)


def damaged(path) -> None:
    path.write_bytes(b"SQLite format 3\0" + os.urandom(8192))


def foreign(path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as base:
        base.execute("CREATE TABLE other (a)")
        base.commit()


def text(path) -> None:
    path.write_text("these are notes of somebody\n")


def test_a_record_that_cannot_be_read(lab):
    """Told and listed; the others are restored, and it can be removed."""
    file = lab.outer_file(AdminAddress=API)
    outer = lab.start_outer(file).wait_ready()
    first = free_ports(3)
    for nth in range(3):
        Api(outer).create(first + nth)
    outer.kill()
    with contextlib.closing(sqlite3.connect(
            lab.path("data/mappings.db"))) as base:
        base.execute("UPDATE mappings SET target = 'nowhere' WHERE id = 1")
        base.execute("UPDATE mappings SET extra = '{\"max_sessions\": -1}' "
                     "WHERE id = 2")
        base.commit()
    outer = lab.start_outer(file).wait_ready()
    assert [line["id"] for line in
            outer.grep("mapping", "cannot be restored")] == [1, 2]
    outer.wait_log("mapping", "restored from the database", count=1, left=2)
    api = Api(outer)
    told = api.mappings()
    assert [told[first + nth]["active"] for nth in range(3)] == \
        [False, False, True]
    assert "cannot be read" in told[first]["problem"]
    api.remove(first)
    assert set(api.mappings()) == {first + 1, first + 2}


@pytest.mark.parametrize("spoil", [damaged, foreign, text])
def test_a_database_that_will_not_do(lab, spoil):
    """A clear error at start; the file stays as it is."""
    path = lab.path("kept.db")
    spoil(path)
    before = path.read_bytes()
    file = lab.outer_file(AdminAddress=API, Database=str(path))
    done = run_once("outer_server", "-c", str(file), cwd=lab.dir)
    assert done.returncode == 1
    assert str(path) in done.stderr and done.stderr.count("\n") == 1
    assert path.read_bytes() == before


def test_a_database_that_cannot_be_made(lab):
    lab.path("file").write_text("")
    file = lab.outer_file(AdminAddress=API, Database="file/kept.db")
    done = run_once("outer_server", "-c", str(file), cwd=lab.dir)
    assert done.returncode == 1 and "file/kept.db" in done.stderr


def test_a_disk_that_takes_no_more(lab):
    """500 says so; the listener goes; a removal leaves it."""
    _, api = admin(lab, Database="kept.db")
    kept, port = free_port(), free_port()
    api.create(kept)
    path = lab.path("kept.db")
    with contextlib.closing(sqlite3.connect(path)) as base:
        base.execute("CREATE TRIGGER full_1 BEFORE INSERT ON mappings "
                     "BEGIN SELECT RAISE(FAIL, 'no room'); END")
        base.execute("CREATE TRIGGER full_2 BEFORE DELETE ON mappings "
                     "BEGIN SELECT RAISE(FAIL, 'no room'); END")
        base.commit()
    answer = api.ask("POST", "/api/mapping/create", {"port": port})
    assert answer.status == 500 and "kept.db" in answer.message
    assert refused(port)
    answer = api.ask("POST", "/api/mapping/remove", {"port": kept})
    assert answer.status == 500
    assert not refused(kept)
    assert list(api.mappings()) == [kept]


def test_a_database_that_another_program_holds(lab):
    """Who waits for it is in nobody's way, and is told when that was in vain;
    what is being written takes no other order."""
    outer, api = admin(lab, Database="kept.db")
    others = [lab.add(Api(outer)) for _ in range(2)]
    port = free_ports(2)
    answers = {}

    def create(nth: int) -> None:
        answers[nth] = others[nth].ask("POST", "/api/mapping/create",
                                       {"port": port + nth})

    with contextlib.closing(sqlite3.connect(lab.path("kept.db"))) as base:
        base.execute("BEGIN IMMEDIATE")
        threads = [threading.Thread(target=create, args=(nth,))
                   for nth in range(2)]
        for thread in threads:
            thread.start()
        wait_until(lambda: not refused(port) and not refused(port + 1),
                   "both listen")
        began = time.monotonic()
        assert api.mappings() == {}             # not on disk yet
        for path in ("create", "remove"):
            answer = api.ask("POST", f"/api/mapping/{path}", {"port": port})
            assert answer.status == 409 and "written" in answer.message
        assert time.monotonic() - began < 1 * SCALE
        threads[0].join()
        base.rollback()
    threads[1].join()
    assert answers[0].status == 500
    assert "another program" in answers[0].message
    assert refused(port)
    assert set(api.mappings()) == \
        ({port + 1} if answers[1].status == 200 else set())


# --- figures ----------------------------------------------------------------

def make_many(api: Api, first: int, count: int) -> None:
    for port in range(first, first + count):
        while api.ask("POST", "/api/mapping/create",
                      {"port": port}).status == 429:
            time.sleep(0.2)


@pytest.mark.once
@pytest.mark.heavy
def test_a_thousand_are_restored(lab, machine, figure):
    """And listen, within 2 s of the start."""
    first = free_ports(1000)
    file = lab.outer_file(AdminAddress=API, LogLevel="info")
    outer = lab.start_outer(file).wait_ready()
    make_many(Api(outer), first, 1000)
    outer.kill()
    began = time.monotonic()
    outer = lab.start_outer(file).wait_ready()
    took = time.monotonic() - began
    assert not refused(first) and not refused(first + 999)
    api = Api(outer)
    told = api.mappings()
    assert set(told) == set(range(first, first + 1000))
    assert all(one["active"] for one in told.values())
    figure(f"1000 mappings: restored and listening after {took:.2f} s")
    assert took <= 2 * SCALE


def time_adding(small: Api, large: Api, port: int) -> tuple[float, float]:
    """In ms, to each: medians of 50, taken in turns."""
    times: dict[Api, list[float]] = {small: [], large: []}
    for _ in range(50):
        for api, nth in ((small, port), (large, port + 1)):
            began = time.perf_counter()
            answer = api.ask("POST", "/api/mapping/create", {"port": nth})
            times[api].append(time.perf_counter() - began)
            assert answer.status == 200, answer
            api.remove(nth)
        time.sleep(0.01)            # not so fast: 429
    return (statistics.median(times[small]) * 1e3,
            statistics.median(times[large]) * 1e3)


@pytest.mark.once
@pytest.mark.heavy
def test_adding_one_to_a_thousand(lab, machine, figure):
    """At most 1.5 times as long as to ten. The machine has others, who only
    make it longer: the best of three counts."""
    first = free_ports(1012)
    small, large = (admin(lab, LogLevel="info", Database=name)[1]
                    for name in ("small.db", "large.db"))
    make_many(small, first, 10)
    make_many(large, first + 10, 1000)
    for _ in range(3):
        time.sleep(2)               # requests may come again
        few, many = time_adding(small, large, first + 1010)
        if many <= few * 1.5 * SCALE:
            break
    figure(f"adding one mapping: {few:.2f} ms to 10, {many:.2f} ms to 1000, "
           f"{many / few:.2f} times as long")
    assert many <= few * 1.5 * SCALE


class Script(threading.Thread):
    """Creates and removes mappings until the outer dies, and notes what was
    acknowledged and what was under way."""

    def __init__(self, api: Api, ports: range, made: set[int],
                 seed: int) -> None:
        super().__init__(daemon=True)
        self.api, self.ports, self.made = api, ports, set(made)
        self.in_flight: int | None = None
        self.chance = random.Random(seed)
        self.fault: str | None = None
        self.acknowledged = 0

    def run(self) -> None:
        while True:
            port = self.chance.choice(self.ports)
            there = port in self.made
            self.in_flight = port
            try:
                answer = self.api.ask(
                    "POST", "/api/mapping/" + ("remove" if there else "create"),
                    {"port": port})
            except (OSError, http.client.HTTPException):
                return
            if answer.status == 200:
                (self.made.discard if there else self.made.add)(port)
                self.acknowledged += 1
            elif answer.status != 429:
                self.fault = f"{port}: {answer}"
                return
            self.in_flight = None


@pytest.mark.once
@pytest.mark.heavy
def test_killed_at_fifty_moments(lab, machine, figure):
    """Every acknowledged create is there, every acknowledged remove is gone,
    the one in flight may be either."""
    first = free_ports(40)
    ports = range(first, first + 40)
    file = lab.outer_file(AdminAddress=API, LogLevel="info")
    made: set[int] = set()
    chance = random.Random(6)
    count = 0
    for nth in range(50):
        outer = lab.start_outer(file).wait_ready()
        script = Script(Api(outer), ports, made, nth)
        script.start()
        time.sleep(chance.uniform(0.0, 0.15))
        outer.kill()
        script.join()
        assert script.fault is None, script.fault
        outer = lab.start_outer(file).wait_ready()
        there = set(Api(outer).mappings())
        wrong = (there ^ script.made) - {script.in_flight}
        assert not wrong, f"round {nth}: {wrong}"
        assert all(not refused(port) for port in there)
        outer.kill()
        made = there
        count += script.acknowledged
    assert count > 50
    figure(f"killed 50 times amid {count} acknowledged creates and removes: "
           "none lost, none came back")
